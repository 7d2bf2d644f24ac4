/**
 * Switches a program over: loaded before it, it has every `import` and `require` of node:crypto find `cryptodev/crypto`.
 * `process.getBuiltinModule()` goes on giving the runtime's own.
 *
 * @module cryptodev/register-crypto
 */
import module from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
// Loaded now, as node:crypto is to be its own.
import "@cryptodev/soft";
import crypto from "cryptodev/crypto";
import { programPrefix } from "../async/program_url.ts";
import { initialize, isCrypto, isRedirected, type Places, resolve } from "./hooks.ts";

/** The parts of `node:module` that its types leave out, or that not every runtime has. */
interface Module {
  _load(this: unknown, request: string, ...rest: unknown[]): unknown;
  _resolveFilename(this: unknown, request: string, ...rest: unknown[]): string;
  registerHooks?(hooks: { resolve: typeof resolve }): void;
  register(specifier: URL, options: { data: Places }): void;
}

/** What is used of Bun's plugins. */
interface Bun {
  plugin(plugin: { name: string; setup(build: Build): void }): void;
}

interface Build {
  onResolve(
    which: { filter: RegExp; namespace: string },
    resolve: (module: { importer: string }) => { path: string } | undefined,
  ): void;
}

const target = import.meta.resolve("cryptodev/crypto");
const folderOf = (url: string): string => new URL(".", url).href;
const places: Places = {
  target,
  exempt: [folderOf(import.meta.resolve("cryptodev")), folderOf(import.meta.resolve("@cryptodev/soft")), programPrefix],
};
initialize(places);

const { Bun } = globalThis as unknown as { readonly Bun?: Bun };
const loader = module as unknown as Module;

if (Bun !== undefined) {
  const path = fileURLToPath(target);
  Bun.plugin({
    name: "cryptodev/register-crypto",
    setup(build) {
      build.onResolve({ filter: /^crypto$/, namespace: "node" }, ({ importer }) =>
        isRedirected(pathToFileURL(importer).href) ? { path } : undefined,
      );
    },
  });
  // Not every require is asked of plugins. None of this library's modules has one.
  const resolveFilename = loader._resolveFilename;
  loader._resolveFilename = function (request, ...rest) {
    return isCrypto(request) ? path : resolveFilename.call(this, request, ...rest);
  };
} else {
  if (loader.registerHooks !== undefined) loader.registerHooks({ resolve });
  else loader.register(new URL("./hooks.js", import.meta.url), { data: places });
  // What is required is an object that programs may change, and not a module.
  const load = loader._load;
  loader._load = function (request, ...rest) {
    return isCrypto(request) ? crypto : load.call(this, request, ...rest);
  };
}
