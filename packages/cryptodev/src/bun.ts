/**
 * Asks the Linux kernel for cryptography: `/dev/crypto` in Bun.
 * All of {@link @cryptodev/core! | @cryptodev/core} is exported from here too: the `Device` that `open()` gives, and its
 * sessions.
 *
 * @module cryptodev
 */
import { appendFileSync } from "node:fs";
import { bunHost } from "@cryptodev/bun";
import { SoftwareHost } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import { type Open, openIn } from "./open.ts";

export * from "./index.ts";

/** The runtime's name and version, such as `Bun 1.4.5`. */
export const runtime: string = `Bun ${process.versions.bun}`;

/**
 * Opens the device, the kernel's unless told otherwise: {@link Open} has its errors, and examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: bunHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
});
