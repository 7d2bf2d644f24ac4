import { allowWebcrypto } from "./delegate.ts";
import { type Redirection, type Replacement, redirect } from "./redirect.ts";
import workerThreads from "./replacements/worker_threads.ts";

export type { Redirection } from "./redirect.ts";

/** What replaces node:worker_threads. */
export const threads: Readonly<Record<"worker_threads", Replacement>> = {
  worker_threads: {
    url: new URL("./replacements/worker_threads.js", import.meta.url).href,
    required: workerThreads,
  },
};

/** Has every worker thread that the program starts load a module first, in all runtimes. */
export function registerThreads(redirection: Redirection): void {
  if (redirection.replaces === "webcrypto") allowWebcrypto();
  redirect(threads, redirection);
}
