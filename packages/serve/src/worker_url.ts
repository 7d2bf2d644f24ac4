import { UnsupportedError } from "@cryptodev/core";

/**
 * Returns the URL from which a thread of `node:worker_threads` can load the module next to another, both built and as
 * source. Threads load only files, so a module that a server delivers, as JSR does, is imported through a `data:` URL.
 *
 * @param sibling - the `import.meta.url` of the neighbouring module
 * @param name - the file name, without folder and extension
 * @returns a `file:` or a `data:` URL
 * @throws {UnsupportedError} in a bundle: it has no worker file, and a thread that loads the bundle itself would start another
 * one without end
 */
export function workerUrl(sibling: string | undefined, name: string): string {
  const url = sibling?.replace(/[^/]*(\.[jt]s)$/, `${name}$1`);
  if (url === undefined || url === sibling) {
    const remedy = 'keep the packages of cryptodev external: external: ["cryptodev", "@cryptodev/*"]';
    throw new UnsupportedError("threads", "a bundle has no worker to start a thread from", { remedy });
  }
  return url.startsWith("file:") ? url : `data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(url)};`)}`;
}
