/**
 * The names of all algorithms: {@link @cryptodev/core/algorithms!}.
 *
 * @module cryptodev/algorithms
 */
export * from "@cryptodev/core/algorithms";
