/**
 * The host of Node.js: {@link @cryptodev/node!}.
 *
 * @module cryptodev/node
 */
export * from "@cryptodev/node";
