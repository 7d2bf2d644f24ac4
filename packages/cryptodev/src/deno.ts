/**
 * Asks the Linux kernel for cryptography: `/dev/crypto` in Deno.
 * All of {@link @cryptodev/core! | @cryptodev/core} is exported from here too: the `Device` that `open()` gives, and its
 * sessions.
 *
 * @module cryptodev
 */
import { appendFileSync } from "node:fs";
import { denoHost } from "@cryptodev/deno";
import { SoftwareHost } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import { type Open, openIn } from "./open.ts";

/** The little of the global `Deno` that is used here; its own types stay out of the published ones. */
interface Globals {
  readonly Deno: { readonly version: { readonly deno: string } };
}

const { Deno } = globalThis as unknown as Globals;

export * from "./index.ts";

/** The runtime's name and version, such as `Deno 2.9.6`. */
export const runtime: string = `Deno ${Deno.version.deno}`;

/**
 * Opens the device, the kernel's unless told otherwise: {@link Open} has its errors, and examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: denoHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
});
