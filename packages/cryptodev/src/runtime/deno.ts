import { appendFileSync } from "node:fs";
import { denoHost } from "@cryptodev/deno";
import { SoftwareHost } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import type { Runtime } from "./runtime.ts";

/** The part of the global `Deno` that is used here. Published declarations never need the runtime's own types. */
interface Globals {
  readonly Deno: { readonly version: { readonly deno: string } };
}

const { Deno } = globalThis as unknown as Globals;

/** Deno. */
export const current: Runtime = {
  name: `Deno ${Deno.version.deno}`,
  host: denoHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
  loadAsync: () => import("../async/device.ts"),
};
