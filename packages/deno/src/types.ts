/*
 * The part of Deno that this package uses. Published declarations do not contain Deno's own types, because these
 * redeclare globals that the types of other runtimes declare too.
 */

/** One function in the result of `Deno.dlopen`. */
type Foreign = (...values: (number | bigint | Uint8Array)[]) => number | bigint;

/** The part of the global `Deno` that is used. */
export interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  readonly permissions: {
    querySync(permission: { name: "ffi"; path?: string }): { readonly state: "granted" | "prompt" | "denied" };
  };
  dlopen<Name extends string>(
    path: string,
    symbols: Readonly<Record<Name, { readonly parameters: readonly string[]; readonly result: string }>>,
  ): { readonly symbols: Readonly<Record<Name, Foreign>> };
}

/** The globals that are used. */
export interface Globals {
  readonly Deno?: DenoNamespace;
  readonly console: { warn(message: string): void };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
}
