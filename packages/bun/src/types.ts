/*
 * The part of Bun that this package uses. Published declarations do not contain Bun's own types, because these
 * redeclare globals that the types of other runtimes declare too.
 */

/** A function of a library. It accepts and returns what its declaration says. */
export type ForeignFunction = (...values: readonly unknown[]) => unknown;

/** The part of the module `bun:ffi` that is used. */
export interface BunFFI {
  dlopen(
    path: string,
    symbols: Readonly<Record<string, { readonly args: readonly string[]; readonly returns: string }>>,
  ): { readonly symbols: Readonly<Record<string, ForeignFunction>> };
  ptr(view: Uint8Array): number;
  readonly read: { i32(address: number, offset: number): number };
}
