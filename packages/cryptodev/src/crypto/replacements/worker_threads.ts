/*
 * What node:worker_threads is in a program that is switched over. Each thread loads modules for itself, and what was preloaded
 * in the first one is preloaded in the others only by Node.js, and there only if their code is a file.
 */
import real from "node:worker_threads";
import { inPlaceOf } from "../delegate.ts";
import { switchedWorker } from "./switched_worker.ts";

export * from "node:worker_threads";

/** Starts a thread that is switched over. */
export const Worker: typeof real.Worker = switchedWorker(real.Worker);

// Deno never asks hooks for this module if it is imported with its prefix: what can be changed then is its object.
const workerThreads: typeof real =
  "Deno" in globalThis ? Object.assign(real, { Worker }) : inPlaceOf(real, { Worker }, true);

// What `require()` of a module returns.
export { workerThreads as default, workerThreads as "module.exports" };
