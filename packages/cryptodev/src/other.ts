/**
 * The software `/dev/crypto` where there is neither Node.js, Deno nor Bun.
 *
 * @module cryptodev
 */
import { UnsupportedError } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { type Open, openIn } from "./open.ts";

function noHost(): never {
  throw new UnsupportedError("a kernel device is reached from Node.js, Deno and Bun, and this is another runtime");
}

export * from "./index.ts";

/** The runtime's name and version; here it is not known. */
export const runtime: string = "unknown runtime";

/**
 * Opens the device, the kernel's unless told otherwise: {@link Open} has its errors, and examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: noHost,
  software: (options) => new SoftwareHost(options),
  append: () => {},
  mayExist: () => false,
});
