/**
 * Asks the Linux kernel for cryptography: `/dev/crypto` in Node.js. In Deno and Bun the same names do the same.
 * All of {@link @cryptodev/core! | @cryptodev/core} is exported from here too: the `Device` that `open()` gives, and its
 * sessions.
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

/** Loads the device in software when it is asked for: it costs as much as all the rest, and many programs never do. */
function software(options: SoftwareHostOptions): SoftwareHost {
  return new (loadSoft().SoftwareHost)(options);
}

function loadSoft(): { readonly SoftwareHost: typeof SoftwareHost } {
  try {
    // With the process's own loader: the one of Jest's tests loads no ES module on demand before Node.js 24.9.
    const { getBuiltinModule } = runInThisContext("globalThis.process") as NodeJS.Process;
    return getBuiltinModule("module").createRequire(import.meta.url)("@cryptodev/soft");
  } catch (cause) {
    // As with Yarn's Plug'n'Play in Node.js 20. What is loaded already is found.
    const remedy = 'import "@cryptodev/soft" in the program';
    throw new UnsupportedError("the software device cannot be loaded on demand here", { cause, remedy });
  }
}

/**
 * Opens the device, the kernel's unless told otherwise: {@link Open} has its errors, and examples.
 *
 * @function
 */
export const open: Open = openIn({ host: nodeHost, software, append: appendFileSync, mayExist });
