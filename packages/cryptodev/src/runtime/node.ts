import { appendFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
import { UnsupportedError } from "@cryptodev/core";
import { nodeHost } from "@cryptodev/node";
import type { SoftwareHost, SoftwareHostOptions } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import type { Runtime } from "./runtime.ts";

/** The module of the software device, as soon as it is loaded. */
let soft: { readonly SoftwareHost: typeof SoftwareHost } | undefined;

/**
 * Loads the software device on first use: it takes as long to load as everything else, and many programs never use it.
 */
function software(options: SoftwareHostOptions): SoftwareHost {
  soft ??= loadSoft();
  return new soft.SoftwareHost(options);
}

function loadSoft(): NonNullable<typeof soft> {
  try {
    // The process's own loader: Jest's loader for tests cannot load ES modules on demand before Node.js 24.9.
    const { getBuiltinModule } = runInThisContext("globalThis.process") as NodeJS.Process;
    return getBuiltinModule("module").createRequire(import.meta.url)("cryptodev/soft");
  } catch (cause) {
    // With Yarn's Plug'n'Play in Node.js 20, for example, only modules that are already loaded are found.
    const remedy = 'import "cryptodev/soft" in the program';
    throw new UnsupportedError("software", "the software device cannot be loaded on demand here", { cause, remedy });
  }
}

/** Node.js. */
export const current: Runtime = {
  name: `Node.js ${process.versions.node}`,
  host: nodeHost,
  software,
  append: appendFileSync,
  mayExist,
  loadAsync: () => import("../async/device.ts"),
};
