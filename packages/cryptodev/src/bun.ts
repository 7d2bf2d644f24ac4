/**
 * The host of Bun: {@link @cryptodev/bun!}.
 *
 * @module cryptodev/bun
 */
export * from "@cryptodev/bun";
