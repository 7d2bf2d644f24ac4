/**
 * Serves the software `/dev/crypto` as a file that any program can open.
 *
 * @module cryptodev/serve
 */
export * from "@cryptodev/serve";
