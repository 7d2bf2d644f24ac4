/*
 * The part of Bun that this package uses. Published declarations do not contain Bun's own types, because these
 * redeclare globals that the types of other runtimes declare too.
 */

/** A foreign function. */
type Foreign = (...values: (number | Uint8Array)[]) => number;

/** The part of the module `bun:ffi` that is used. */
export interface BunFFI {
  dlopen<Name extends string>(
    path: string,
    symbols: Readonly<Record<Name, { readonly args: readonly string[]; readonly returns: string }>>,
  ): { readonly symbols: Readonly<Record<Name, Foreign>> };
  ptr(view: Uint8Array): number;
  readonly read: { i32(address: number, offset: number): number };
}
