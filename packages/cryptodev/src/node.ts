/**
 * Access to the Linux kernel's cryptography, `/dev/crypto`, in Node.js. Deno and Bun have the same exports.
 * Also exports all of {@link @cryptodev/core! | @cryptodev/core}: the `Device` that `open()` returns, and its sessions.
 *
 * @module cryptodev
 */
import { appendFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
import { UnsupportedError } from "@cryptodev/core";
import { nodeHost } from "@cryptodev/node";
import type { SoftwareHost, SoftwareHostOptions } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import { type Open, openIn } from "./open.ts";

export * from "./index.ts";

/** The runtime's name and version, such as `Node.js 24.1.0`. */
export const runtime: string = `Node.js ${process.versions.node}`;

/**
 * Loads the software device on first use: it takes as long to load as everything else, and many programs never use it.
 */
function software(options: SoftwareHostOptions): SoftwareHost {
  return new (loadSoft().SoftwareHost)(options);
}

function loadSoft(): { readonly SoftwareHost: typeof SoftwareHost } {
  try {
    // The process's own loader: Jest's loader for tests cannot load ES modules on demand before Node.js 24.9.
    const { getBuiltinModule } = runInThisContext("globalThis.process") as NodeJS.Process;
    return getBuiltinModule("module").createRequire(import.meta.url)("@cryptodev/soft");
  } catch (cause) {
    // With Yarn's Plug'n'Play in Node.js 20, for example, only modules that are already loaded are found.
    const remedy = 'import "@cryptodev/soft" in the program';
    throw new UnsupportedError("software", "the software device cannot be loaded on demand here", { cause, remedy });
  }
}

/**
 * Opens the device. {@link Open} describes its errors, and has examples.
 *
 * @function
 */
export const open: Open = openIn({ host: nodeHost, software, append: appendFileSync, mayExist });
