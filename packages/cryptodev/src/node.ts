/**
 * The {@link cryptodev/host!Host | Host} of Node.js. It calls libc through the built-in node:ffi if that exists and
 * works, else through koffi.
 *
 * @module cryptodev/node
 */
export * from "@cryptodev/node";
