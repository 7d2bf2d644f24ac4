/**
 * Like `node.ts`, but loads everything at once: for Node.js before 20.19 and 22.12, which cannot load ES modules on
 * demand, and for bundlers.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import { nodeHost } from "@cryptodev/node";
import { SoftwareHost } from "@cryptodev/soft";
import { type AsyncDevice, type AsyncOpenOptions, openAsyncWith } from "./async/device.ts";
import { mayExist } from "./may_exist.ts";
import { type Open, openIn } from "./open.ts";

export * from "./index.ts";

/** The runtime's name and version, such as `Node.js 24.1.0`. */
export const runtime: string = `Node.js ${process.versions.node}`;

/**
 * Opens the device. {@link Open} describes its errors, and has examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: nodeHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
});

/**
 * Like `openAsync` of `index.ts`, without the dynamic import: rollup may order the imported code after its own caller.
 */
export async function openAsync(options?: AsyncOpenOptions): Promise<AsyncDevice> {
  return openAsyncWith(open, runtime, options);
}
