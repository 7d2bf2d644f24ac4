/**
 * The software device, for tests: {@link @cryptodev/soft!}.
 *
 * @module cryptodev/soft
 */
export * from "@cryptodev/soft";
