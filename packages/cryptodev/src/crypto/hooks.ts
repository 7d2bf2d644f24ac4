/*
 * Has imports of some built-in modules find modules of this package instead. In Node.js 20 this runs in a thread of its own,
 * and is told there what it needs to know.
 */

/** What the hooks are told. */
export interface Places {
  /** The modules that stand in the place of built-in ones, by the names of those. */
  readonly replacements: Readonly<Record<string, string>>;
  /** Folders whose modules mean the built-in ones when they say so: this library computes with node:crypto. */
  readonly exempt: readonly string[];
}

interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
  readonly shortCircuit?: boolean | undefined;
}

/** A loader of modules and its compiler, which need random names, hashes and a thread. They are not part of the program. */
const tools = ["/node_modules/tsx/", "/node_modules/esbuild/"];

let places: Places;

/** Tells the hooks what they need to know, before anything is resolved. */
export function initialize(told: Places): void {
  places = told;
}

/** The module that a specifier is to find instead; `undefined` if it finds what it names. */
export function replacementOf(specifier: string, parent: string | undefined): string | undefined {
  const name = specifier.replace(/^node:/, "");
  if (!Object.hasOwn(places.replacements, name)) return undefined;
  return parent !== undefined && isExempt(parent) ? undefined : places.replacements[name];
}

function isExempt(parent: string): boolean {
  return tools.some((folder) => parent.includes(folder)) || places.exempt.some((folder) => parent.startsWith(folder));
}

/** What is known of an import. */
interface Context {
  readonly parentURL?: string | undefined;
  readonly conditions?: readonly string[];
}

/** A hook of `node:module`: returns a promise if `next` does. */
export function resolve<Next>(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Next,
): Next | Resolved {
  // Hooks in this thread are asked for what is required too, but a built-in module has no path for `require.resolve()`.
  const isRequired = context.conditions?.includes("require") ?? false;
  const url = isRequired ? undefined : replacementOf(specifier, context.parentURL);
  return url === undefined ? next(specifier, context) : { url, format: "module", shortCircuit: true };
}
