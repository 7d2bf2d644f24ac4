/**
 * The host of Deno: {@link @cryptodev/deno!}.
 *
 * @module cryptodev/deno
 */
export * from "@cryptodev/deno";
