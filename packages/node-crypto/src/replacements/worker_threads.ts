/*
 * Replaces node:worker_threads in a program that is switched over. Each thread loads its own modules, and only Node.js
 * preloads the main thread's preloaded modules in other threads, and only if their code is a file.
 */
import real from "node:worker_threads";
import { inPlaceOf } from "../delegate.ts";
import { isRegistering, switchedWorker, warnOfWorker } from "./switched_worker.ts";

export * from "node:worker_threads";

/** Starts a thread that is switched over. */
export const Worker: typeof real.Worker = switchedWorker(real.Worker);

/**
 * Changes the real module in Deno, which does not call hooks for it if it is imported with the prefix `node:`. Its
 * default export can be changed. Its named export `Worker` cannot; that class warns instead.
 */
function inDeno(): typeof real {
  const ancestor = Object.getPrototypeOf(real.Worker) as new () => object;
  class Warning extends ancestor {
    constructor() {
      super();
      // The stack: message, this constructor, the class, its caller. Threads of this library do not need the warning.
      const caller = new Error().stack?.split("\n")[3] ?? "";
      if (new.target === (unswitched as unknown) && !isRegistering(caller)) {
        warnOfWorker('of import { Worker } from "node:worker_threads"', "import that module without its prefix");
      }
    }
  }
  const { Worker: unswitched } = real;
  Object.setPrototypeOf(unswitched, Warning);
  return Object.assign(real, { Worker });
}

const workerThreads: typeof real = "Deno" in globalThis ? inDeno() : inPlaceOf(real, { Worker }, true);

// `require()` of a module returns its export "module.exports".
export { workerThreads as default, workerThreads as "module.exports" };
