/*
 * The part of Deno that this package uses. Published declarations do not contain Deno's own types, because these
 * redeclare globals that the types of other runtimes declare too.
 */

/** A function of a library. It accepts and returns what its declaration says. */
export type ForeignFunction = (...values: readonly unknown[]) => unknown;

/** The part of the global `Deno` that is used. */
export interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  readonly permissions: {
    querySync(permission: { name: "ffi"; path?: string }): { readonly state: "granted" | "prompt" | "denied" };
  };
  dlopen(
    path: string,
    symbols: Readonly<Record<string, { readonly parameters: readonly string[]; readonly result: string }>>,
  ): { readonly symbols: Readonly<Record<string, ForeignFunction>> };
}

/** The globals that are used. */
export interface Globals {
  readonly Deno?: DenoNamespace;
  readonly console: { warn(message: string): void };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
}
