/**
 * The same as `node.ts`, with nothing that is loaded when it is needed: for versions of Node.js that cannot do so, those
 * before 20.19 and 22.12, and for bundlers.
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
 * Opens the device, the kernel's unless told otherwise: {@link Open} has its errors, and examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: nodeHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
});

/** As `openAsync` of `index.ts`, without a dynamic import: rollup can put what is imported behind who waits for it. */
export async function openAsync(options?: AsyncOpenOptions): Promise<AsyncDevice> {
  return openAsyncWith(open, runtime, options);
}
