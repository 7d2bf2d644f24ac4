import module, { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UnsupportedError } from "@cryptodev/core";
import { initialize, type Places, replacementOf, resolve } from "./hooks.ts";
import { registerThreadsWith, switchedWorker, type Thread } from "./replacements/switched_worker.ts";

/** Parts of `node:module` that its types do not declare, or that some runtimes do not have. */
interface Module {
  _load(this: unknown, request: string, parent?: Parent, ...rest: unknown[]): unknown;
  _resolveFilename(this: unknown, request: string, parent?: Parent, ...rest: unknown[]): string;
  registerHooks?(hooks: { resolve: typeof resolve }): Hooks;
  register?(specifier: URL, options: { data: Places }): void;
}

/** Hooks that were registered. */
interface Hooks {
  deregister(): void;
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

/** Who redirects, and what stays. */
export interface Redirection extends Thread {
  /** The packages, resolved from `url`, that get the runtime's own modules: they compute with node:crypto. */
  readonly exemptPackages: readonly string[];
  /** URL prefixes of further modules that get the runtime's own modules. */
  readonly exemptPrefixes: readonly string[];
}

/** What replaces a built-in module. */
export interface Replacement {
  readonly url: string;
  /** What `require()` returns: an object that programs may change, not a module namespace. */
  readonly required: unknown;
}

const replacements = new Map<string, Replacement>();

/** Returns the replacement for a `require()`. The parent is a path, not a URL. */
function replacedFor(request: string, parent: Parent | undefined): string | undefined {
  const filename = parent?.filename;
  return replacementOf(request, typeof filename === "string" ? pathToFileURL(filename).href : undefined);
}

/**
 * Redirects every `import` and `require` of built-in modules to others, also in worker threads. The second call adds to
 * the first.
 *
 * @param replaced - the replacements, by the names of the built-in modules
 * @throws {UnsupportedError} in Node.js before 20.6
 */
export function redirect(
  replaced: Readonly<Record<string, Replacement>>,
  { exemptPackages, exemptPrefixes, ...thread }: Redirection,
): void {
  const { Bun } = globalThis as unknown as { readonly Bun?: Bun };
  const loader = module as unknown as Module;
  if (Bun === undefined && loader.registerHooks === undefined && loader.register === undefined) {
    throw new UnsupportedError("function", "this version of Node.js cannot switch a program over", {
      remedy: "use Node.js 20.6 or newer, or import cryptodev/crypto or cryptodev/webcrypto",
    });
  }
  const { resolve: resolvePackage } = createRequire(thread.url);
  const folderOf = (name: string): string => new URL("./", pathToFileURL(resolvePackage(name))).href;
  const here = new URL("./", import.meta.url).href;
  const places: Places = {
    replacements: Object.fromEntries(Object.entries(replaced).map(([name, { url }]) => [name, url])),
    exempt: [here, new URL("./", thread.url).href, ...exemptPackages.map(folderOf), ...exemptPrefixes],
  };
  initialize(places);
  registerThreadsWith(thread);
  const isFirst = replacements.size === 0;
  for (const replacement of Object.values(replaced)) replacements.set(replacement.url, replacement);

  // These hooks run in another thread, which gets the data by this call.
  const isAsync = Bun === undefined && loader.registerHooks === undefined;
  if (isAsync) loader.register?.(new URL("./hooks.js", import.meta.url), { data: places });
  if (!isFirst) return;
  if (Bun !== undefined) hookBun(Bun, loader);
  else hook(loader);

  // The web platform's global, which Node.js does not have.
  const { Worker } = globalThis as unknown as { readonly Worker?: new (...args: never[]) => object };
  if (Worker !== undefined) Object.defineProperty(globalThis, "Worker", { value: switchedWorker(Worker) });
}

function hookBun(bun: Bun, loader: Module): void {
  bun.plugin({
    name: "cryptodev",
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
    const resolved = resolveFilename.call(this, request, parent, ...rest);
    const url = replacedFor(resolved, parent);
    return url === undefined ? resolved : fileURLToPath(url);
  };
}

function hook(loader: Module): void {
  if ("Deno" in globalThis) hookDeno(loader);
  else loader.registerHooks?.({ resolve });
  const load = loader._load;
  loader._load = function (request, parent, ...rest) {
    const url = replacedFor(request, parent);
    return url === undefined ? load.call(this, request, parent, ...rest) : replacements.get(url)?.required;
  };
}

/**
 * Registers the hooks, except while a `require()` is resolved, for which they do nothing: an ES module of a package that
 * Deno 2.9 has resolved with hooks cannot import anything.
 */
function hookDeno(loader: Module): void {
  const register = (): Hooks | undefined => loader.registerHooks?.({ resolve });
  let hooks = register();
  const resolveFilename = loader._resolveFilename;
  loader._resolveFilename = function (...args) {
    hooks?.deregister();
    try {
      return resolveFilename.apply(this, args);
    } finally {
      hooks = register();
    }
  };
}
