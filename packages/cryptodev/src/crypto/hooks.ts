/*
 * Has imports of node:crypto find this package instead. In Node.js 20 this runs in a thread of its own, and is told there
 * what it needs to know.
 */

/** What the hooks are told. */
export interface Places {
  /** The module that stands in the place of node:crypto. */
  readonly target: string;
  /** Folders whose modules mean node:crypto itself when they say so: this library computes with it. */
  readonly exempt: readonly string[];
}

interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
  readonly shortCircuit?: boolean | undefined;
}

let places: Places;

/** Tells the hooks what they need to know, before anything is resolved. */
export function initialize(told: Places): void {
  places = told;
}

/** Whether a module by that name is node:crypto. */
export function isCrypto(specifier: string): boolean {
  return specifier === "node:crypto" || specifier === "crypto";
}

/** Whether what a module means by node:crypto is this package. */
export function isRedirected(parent: string | undefined): boolean {
  return parent === undefined || !places.exempt.some((folder) => parent.startsWith(folder));
}

/** A hook of `node:module`: gives a promise where `next` does. */
export function resolve<Context extends { readonly parentURL?: string | undefined }, Next>(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Next,
): Next | Resolved {
  if (!isCrypto(specifier) || !isRedirected(context.parentURL)) return next(specifier, context);
  return { url: places.target, format: "module", shortCircuit: true };
}
