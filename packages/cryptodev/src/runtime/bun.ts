import { appendFileSync } from "node:fs";
import { bunHost } from "@cryptodev/bun";
import { SoftwareHost } from "@cryptodev/soft";
import { mayExist } from "./may_exist.ts";
import type { Runtime } from "./runtime.ts";

/** Bun. */
export const current: Runtime = {
  name: `Bun ${process.versions.bun}`,
  host: bunHost,
  software: (options) => new SoftwareHost(options),
  append: appendFileSync,
  mayExist,
  loadAsync: () => import("../async/device.ts"),
};
