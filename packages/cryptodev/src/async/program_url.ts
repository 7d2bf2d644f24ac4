/**
 * How the URL of every worker's program begins. By it the hooks of `cryptodev/register-crypto`, which are in our threads too,
 * know that who imports `node:crypto` is this library.
 */
export const programPrefix = "data:text/javascript,const%20cryptodevBase%3D";
