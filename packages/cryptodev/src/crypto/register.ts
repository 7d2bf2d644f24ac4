/**
 * Switches a program over: loaded before it, it has every `import` and `require` of node:crypto find `cryptodev/crypto`, in
 * worker threads too. `process.getBuiltinModule()` still returns the runtime's own.
 *
 * @module cryptodev/register-crypto
 */
import module, { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
// Some loaders, such as that of Yarn's Plug'n'Play in Node.js 20, cannot load it on demand.
import "@cryptodev/soft";
import { open } from "cryptodev";
import { programPrefix } from "../async/program_url.ts";
import { initialize, type Places, replacementOf, resolve } from "./hooks.ts";
import crypto from "./replacements/crypto.ts";
import { switchedWorker } from "./replacements/switched_worker.ts";
import workerThreads from "./replacements/worker_threads.ts";

/** The parts of `node:module` that its types leave out, or that not every runtime has. */
interface Module {
  _load(this: unknown, request: string, parent?: Parent, ...rest: unknown[]): unknown;
  _resolveFilename(this: unknown, request: string, parent?: Parent, ...rest: unknown[]): string;
  registerHooks?(hooks: { resolve: typeof resolve }): void;
  register(specifier: URL, options: { data: Places }): void;
}

/** The module that requires another. */
interface Parent {
  readonly filename?: string | null;
}

/** What is used of Bun's plugins. */
interface Bun {
  plugin(plugin: { name: string; setup(build: Build): void }): void;
}

interface Build {
  onResolve(
    which: { filter: RegExp; namespace: string },
    resolve: (module: { path: string; importer: string }) => { path: string } | undefined,
  ): void;
}

const urlOf = (file: string): string => new URL(file, import.meta.url).href;
const soft = pathToFileURL(createRequire(import.meta.url).resolve("@cryptodev/soft"));
const places: Places = {
  replacements: {
    crypto: urlOf("./replacements/crypto.js"),
    worker_threads: urlOf("./replacements/worker_threads.js"),
  },
  exempt: [urlOf("../"), new URL("./", soft).href, programPrefix],
};
initialize(places);

/** What a CommonJS module finds instead: its parent is named by a path. */
function replacedFor(request: string, parent: Parent | undefined): string | undefined {
  const filename = parent?.filename;
  return replacementOf(request, typeof filename === "string" ? pathToFileURL(filename).href : undefined);
}

/** Loads what opening a device loads, now: other loaders, such as tsx, hash what they load, and would ask for a device again. */
function loadAll(): void {
  try {
    open().close();
  } catch {
    // Whoever needs a device is told why there is none.
  }
}

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
  // Plugins are not asked for what is required.
  const resolveFilename = loader._resolveFilename;
  loader._resolveFilename = function (request, parent, ...rest) {
    const url = replacedFor(request, parent);
    return url === undefined ? resolveFilename.call(this, request, parent, ...rest) : fileURLToPath(url);
  };
} else {
  // Deno has no such loaders, and would stop and ask for a permission.
  if (!("Deno" in globalThis)) loadAll();
  if (loader.registerHooks !== undefined) loader.registerHooks({ resolve });
  else loader.register(new URL("./hooks.js", import.meta.url), { data: places });
  // What is required is an object that programs may change, and not a module.
  const load = loader._load;
  loader._load = function (request, parent, ...rest) {
    const url = replacedFor(request, parent);
    if (url === undefined) return load.call(this, request, parent, ...rest);
    return url === places.replacements.crypto ? crypto : workerThreads;
  };
}

// Of the web platform; Node.js has none.
const { Worker } = globalThis as unknown as { readonly Worker?: typeof workerThreads.Worker };
if (Worker !== undefined) Object.defineProperty(globalThis, "Worker", { value: switchedWorker(Worker) });
