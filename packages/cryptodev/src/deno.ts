/**
 * Access to the Linux kernel's cryptography, `/dev/crypto`, in Deno.
 * Also exports all of {@link @cryptodev/core! | @cryptodev/core}: the `Device` that `open()` returns, and its sessions.
 *
 * @module cryptodev
 */
import { appendFileSync } from "node:fs";
import { denoHost } from "@cryptodev/deno";
import { SoftwareHost } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import { type Open, openIn } from "./open.ts";

/** The part of the global `Deno` that is used here. Published declarations never need the runtime's own types. */
interface Globals {
  readonly Deno: { readonly version: { readonly deno: string } };
}

const { Deno } = globalThis as unknown as Globals;

export * from "./index.ts";

/** The runtime's name and version, such as `Deno 2.9.6`. */
export const runtime: string = `Deno ${Deno.version.deno}`;

/**
 * Opens the device. {@link Open} describes its errors, and has examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: denoHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
});
