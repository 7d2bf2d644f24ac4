/**
 * The {@link cryptodev/host!Host | Host} of Deno: libc through `Deno.dlopen`.
 *
 * @module cryptodev/deno
 */
export * from "@cryptodev/deno";
