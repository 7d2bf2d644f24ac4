import { UnsupportedError } from "@cryptodev/core";

/**
 * The program of a worker thread as text, so that threads are never started from a file: in a bundle, the file beside a
 * module is a different one, or the bundle itself, which would start itself again and again. The build replaces this
 * module with one that contains `worker.ts` and all its imports; unbuilt, as on JSR, the text imports `worker.ts`.
 */
export const workerProgram: string = `import ${JSON.stringify(workerBeside(import.meta.url))};`;

function workerBeside(here: string): string {
  if (here.endsWith("/worker_program.ts")) return new URL("./worker.ts", here).href;
  const remedy = "bundle the package from npm, npm:cryptodev";
  throw new UnsupportedError("threads", "a bundle of the package from JSR has no program for threads", { remedy });
}
