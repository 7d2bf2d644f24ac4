import { appendFileSync } from "node:fs";
import { nodeHost } from "@cryptodev/node";
import { SoftwareHost } from "@cryptodev/soft";
import { openAsyncWith } from "../async/device.ts";
import { mayExist } from "./may_exist.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Node.js, with everything loaded at once: for Node.js before 20.19 and 22.12, which cannot load ES modules on demand,
 * and for bundlers, because rollup may order code that is imported dynamically after its own caller.
 */
export const current: Runtime = {
  name: `Node.js ${process.versions.node}`,
  host: nodeHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
  loadAsync: async () => ({ openAsyncWith }),
};
