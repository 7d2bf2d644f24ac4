import { UnsupportedError } from "./errors.ts";

/**
 * Where a thread of `node:worker_threads` finds the module that lies beside another, built or as its source. Threads start
 * from files alone: a module that a server gave, as JSR does, is imported by a `data:` URL in its place.
 *
 * @param sibling - the `import.meta.url` of the module beside it
 * @param name - the name of its file, without folder and extension
 * @throws `UnsupportedError` in a bundle: nothing lies beside it, and a thread that starts the bundle itself starts another
 * one in turn, without end
 * @example
 * ```ts
 * import { workerUrl } from "@cryptodev/core";
 *
 * console.log(workerUrl("file:///dist/server.js", "worker")); // file:///dist/worker.js
 * ```
 */
export function workerUrl(sibling: string | undefined, name: string): string {
  const url = sibling?.replace(/[^/]*(\.[jt]s)$/, `${name}$1`);
  if (url === undefined || url === sibling) {
    const remedy = 'keep the packages of cryptodev external: external: ["cryptodev", "@cryptodev/*"]';
    throw new UnsupportedError("a bundle has no worker to start a thread from", { remedy });
  }
  return url.startsWith("file:") ? url : `data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(url)};`)}`;
}
