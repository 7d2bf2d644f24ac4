/*
 * What node:worker_threads is in a program that is switched over. Each thread loads modules for itself, and what was preloaded
 * in the first one is preloaded in the others only by Node.js, and there only if their code is a file.
 */
import real from "node:worker_threads";
import { inPlaceOf } from "../delegate.ts";
import { switchedWorker, warnOfWorker } from "./switched_worker.ts";

export * from "node:worker_threads";

/** Starts a thread that is switched over. */
export const Worker: typeof real.Worker = switchedWorker(real.Worker);

/**
 * Deno never asks hooks for this module if it is imported with its prefix. What can be changed then is its object, and not
 * the class that `import { Worker } from "node:worker_threads"` finds: that one warns.
 */
function inDeno(): typeof real {
  const ancestor = Object.getPrototypeOf(real.Worker) as new () => object;
  class Warning extends ancestor {
    constructor() {
      super();
      // This constructor, the class, and who made one of it: the threads of this library compute with no node:crypto.
      const caller = new Error().stack?.split("\n")[3] ?? "";
      if (new.target === (unswitched as unknown) && !caller.includes(own)) {
        warnOfWorker('of import { Worker } from "node:worker_threads"', "import that module without its prefix");
      }
    }
  }
  const { Worker: unswitched } = real;
  Object.setPrototypeOf(unswitched, Warning);
  return Object.assign(real, { Worker });
}

const own = new URL("../../../", import.meta.url).href;
const workerThreads: typeof real = "Deno" in globalThis ? inDeno() : inPlaceOf(real, { Worker }, true);

// What `require()` of a module returns.
export { workerThreads as default, workerThreads as "module.exports" };
