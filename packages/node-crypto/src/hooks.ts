/*
 * Redirects imports of some built-in modules to modules of this package. In Node.js 20, hooks run in a thread of their
 * own, and get their data through `initialize()`.
 */

/** The hooks' data. */
export interface Places {
  /** The URLs of the replacements, by the names of the built-in modules. */
  readonly replacements: Readonly<Record<string, string>>;
  /** URL prefixes of modules that get the built-in ones: this library itself computes with node:crypto. */
  readonly exempt: readonly string[];
}

interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
}

/** A module loader and its compiler, which need random names, hashes and a thread, and are not part of the program. */
const tools = ["/node_modules/tsx/", "/node_modules/esbuild/"];

let places: Places = { replacements: {}, exempt: [] };

/** Adds to the hooks' data. Called before anything is resolved. */
export function initialize({ replacements, exempt }: Places): void {
  places = { replacements: { ...places.replacements, ...replacements }, exempt: [...places.exempt, ...exempt] };
}

/**
 * Looks up the replacement for a module.
 *
 * @returns `undefined` if the specifier resolves as usual
 */
export function replacementOf(specifier: string, parent: string | undefined): string | undefined {
  const name = specifier.replace(/^node:/, "");
  if (!Object.hasOwn(places.replacements, name)) return undefined;
  return parent !== undefined && isExempt(parent) ? undefined : places.replacements[name];
}

function isExempt(parent: string): boolean {
  return tools.some((folder) => parent.includes(folder)) || places.exempt.some((folder) => parent.startsWith(folder));
}

/** The part of a hook's context that is used. */
interface Context {
  readonly parentURL?: string | undefined;
  readonly conditions?: readonly string[];
}

/** Implements the resolve hook of `node:module`. Returns a promise if `next` does. */
export function resolve<Next>(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Next,
): Next | Resolved | Promise<Resolved> {
  // First, because an alias also resolves to a built-in module, and because other hooks replace some: those of mocks.
  const resolved = next(specifier, context);
  // Synchronous hooks also run for require(), where they do nothing: a built-in module does not have a path that
  // `require.resolve()` could return.
  if (context.conditions?.includes("require")) return resolved;
  if (resolved instanceof Promise) return resolved.then((result: Resolved) => replaced(result, context));
  return replaced(resolved as Resolved, context);
}

function replaced(resolved: Resolved, { parentURL }: Context): Resolved {
  const url = resolved.url.startsWith("node:") ? replacementOf(resolved.url, parentURL) : undefined;
  return url === undefined ? resolved : { ...resolved, url, format: "module" };
}
