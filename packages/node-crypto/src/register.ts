import module, { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Device } from "@cryptodev/core";
import { openDefaultWith } from "./default_device.ts";
import { initialize, type Places, replacementOf, resolve } from "./hooks.ts";
import crypto from "./replacements/crypto.ts";
import { registerThreadsWith, switchedWorker } from "./replacements/switched_worker.ts";
import workerThreads from "./replacements/worker_threads.ts";

/** Parts of `node:module` that its types do not declare, or that some runtimes do not have. */
interface Module {
  _load(this: unknown, request: string, parent?: Parent, ...rest: unknown[]): unknown;
  _resolveFilename(this: unknown, request: string, parent?: Parent, ...rest: unknown[]): string;
  registerHooks?(hooks: { resolve: typeof resolve }): void;
  register(specifier: URL, options: { data: Places }): void;
}

/** The module that calls `require()`. */
interface Parent {
  readonly filename?: string | null;
}

/** The part of Bun's plugin API that is used. */
interface Bun {
  plugin(plugin: { name: string; setup(build: Build): void }): void;
}

interface Build {
  onResolve(
    which: { filter: RegExp; namespace: string },
    resolve: (module: { path: string; importer: string }) => { path: string } | undefined,
  ): void;
}

/** Options of {@link register}. */
export interface Registration {
  /**
   * The URL of the module that calls `register` when it is loaded, in the folder `dist` of its package. Worker threads
   * load it as well.
   */
  readonly url: string;
  /** Opens the device of a thread. */
  open(): Device;
  /** The packages, resolved from `url`, that get the runtime's own modules: they compute with node:crypto. */
  readonly exemptPackages: readonly string[];
  /** URL prefixes of further modules that get the runtime's own modules. */
  readonly exemptPrefixes: readonly string[];
}

const urlOf = (file: string): string => new URL(file, import.meta.url).href;
const replacements: Places["replacements"] = {
  crypto: urlOf("./replacements/crypto.js"),
  worker_threads: urlOf("./replacements/worker_threads.js"),
};

/** Returns the replacement for a `require()`. The parent is a path, not a URL. */
function replacedFor(request: string, parent: Parent | undefined): string | undefined {
  const filename = parent?.filename;
  return replacementOf(request, typeof filename === "string" ? pathToFileURL(filename).href : undefined);
}

/**
 * Loads everything that opening a device loads, before imports are redirected: loaders such as tsx hash the modules
 * that they load, and would open a device for it again.
 */
function loadAll(open: () => Device): void {
  try {
    open().close();
  } catch {
    // A program that uses the device gets this error then.
  }
}

/**
 * Switches the program over to the device: every `import` and `require` of node:crypto resolves to this package, also in
 * worker threads. `process.getBuiltinModule()` still returns the runtime's own.
 */
export function register({ url, open, exemptPackages, exemptPrefixes }: Registration): void {
  const { resolve: resolvePackage } = createRequire(url);
  const folderOf = (name: string): string => new URL("./", pathToFileURL(resolvePackage(name))).href;
  const places: Places = {
    replacements,
    exempt: [urlOf("./"), new URL("./", url).href, ...exemptPackages.map(folderOf), ...exemptPrefixes],
  };
  initialize(places);
  openDefaultWith(open);
  registerThreadsWith(url);

  const { Bun } = globalThis as unknown as { readonly Bun?: Bun };
  const loader = module as unknown as Module;
  if (Bun !== undefined) {
    Bun.plugin({
      name: "cryptodev/register-crypto",
      setup(build) {
        build.onResolve({ filter: /^(crypto|worker_threads)$/, namespace: "node" }, ({ path, importer }) => {
          const url = replacementOf(path, pathToFileURL(importer).href);
          return url === undefined ? undefined : { path: fileURLToPath(url) };
        });
      },
    });
    // Plugins do not apply to require().
    const resolveFilename = loader._resolveFilename;
    loader._resolveFilename = function (request, parent, ...rest) {
      const url = replacedFor(request, parent);
      return url === undefined ? resolveFilename.call(this, request, parent, ...rest) : fileURLToPath(url);
    };
  } else {
    // Deno does not have such loaders, and would stop and ask the user for a permission.
    if (!("Deno" in globalThis)) loadAll(open);
    if (loader.registerHooks !== undefined) loader.registerHooks({ resolve });
    else loader.register(new URL("./hooks.js", import.meta.url), { data: places });
    // require() has to return an object that programs may change, not a module namespace.
    const load = loader._load;
    loader._load = function (request, parent, ...rest) {
      const url = replacedFor(request, parent);
      if (url === undefined) return load.call(this, request, parent, ...rest);
      return url === replacements.crypto ? crypto : workerThreads;
    };
  }

  // The web platform's global, which Node.js does not have.
  const { Worker } = globalThis as unknown as { readonly Worker?: typeof workerThreads.Worker };
  if (Worker !== undefined) Object.defineProperty(globalThis, "Worker", { value: switchedWorker(Worker) });
}
