/**
 * Access to the Linux kernel's cryptography, `/dev/crypto`, in Bun.
 * Also exports all of {@link @cryptodev/core! | @cryptodev/core}: the `Device` that `open()` returns, and its sessions.
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
 * Opens the device. {@link Open} describes its errors, and has examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: bunHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
});
