import { UnsupportedError } from "@cryptodev/core";

/**
 * The program of a worker thread as text, so that no thread is ever started from a file: in a bundle, the file beside a
 * module is another one or the bundle itself, which would start itself again and again. What the build makes of this
 * module holds `worker.ts` with all that it imports; unbuilt, as on JSR, the text imports it.
 */
export const workerProgram: string = `import ${JSON.stringify(workerBeside(import.meta.url))};`;

function workerBeside(here: string): string {
  if (here.endsWith("/worker_program.ts")) return new URL("./worker.ts", here).href;
  const remedy = "bundle the package from npm, npm:cryptodev";
  throw new UnsupportedError("a bundle of the package from JSR has no program for threads", { remedy });
}
