/**
 * Serves the software device as a file that any program can open: {@link @cryptodev/serve!}.
 *
 * @module cryptodev/serve
 */
export * from "@cryptodev/serve";
