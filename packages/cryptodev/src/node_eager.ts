/**
 * The same as `node.ts`, for versions of Node.js that cannot load a module when it is needed: those before 20.19 and 22.12.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import { nodeHost } from "@cryptodev/node";
import { SoftwareHost } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import { type Open, openIn } from "./open.ts";

export * from "./index.ts";
export { runtime } from "./node.ts";

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
