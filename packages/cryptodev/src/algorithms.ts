/**
 * The names of all algorithms that a session can be started with, how OpenSSL spells them, and what is known about each.
 *
 * @module cryptodev/algorithms
 */
export * from "@cryptodev/core/algorithms";
