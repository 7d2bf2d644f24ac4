/**
 * The prefix of the URL of every worker's program. The hooks of `cryptodev/register-crypto`, which also run in our
 * threads, recognise imports of `node:crypto` by this library by it.
 */
export const programPrefix = "data:text/javascript,const%20cryptodevBase%3D";
