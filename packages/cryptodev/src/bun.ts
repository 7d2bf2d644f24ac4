/**
 * The {@link cryptodev/host!Host | Host} of Bun: libc through `bun:ffi`.
 *
 * @module cryptodev/bun
 */
export * from "@cryptodev/bun";
