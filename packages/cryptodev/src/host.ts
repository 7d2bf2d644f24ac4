/**
 * What a host of your own is built from: {@link @cryptodev/core/host!}.
 *
 * @module cryptodev/host
 */
export * from "@cryptodev/core/host";
