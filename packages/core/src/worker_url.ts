/**
 * Where a thread of `node:worker_threads` finds the module that lies beside another, built or as its source. Threads start
 * from files alone: a module that a server gave, as JSR does, is imported by a `data:` URL in its place.
 *
 * @param sibling - the `import.meta.url` of the module beside it
 * @param name - the name of its file, without folder and extension
 * @example
 * ```ts
 * import { workerUrl } from "@cryptodev/core";
 *
 * console.log(workerUrl("file:///dist/server.js", "worker")); // file:///dist/worker.js
 * ```
 */
export function workerUrl(sibling: string, name: string): string {
  const url = sibling.replace(/[^/]*(\.[jt]s)$/, `${name}$1`);
  return url.startsWith("file:") ? url : `data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(url)};`)}`;
}
