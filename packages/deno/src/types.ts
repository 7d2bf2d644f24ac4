/*
 * The little of Deno that this package uses. Deno's own types stay out of published declarations: they redeclare globals
 * that the types of other runtimes declare too.
 */

/** `Deno.dlopen`'s result for one symbol. */
type Foreign = (...values: (number | bigint | Uint8Array)[]) => number | bigint;

/** The part of the global `Deno`. */
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

/** The part of the web platform. */
export interface Globals {
  readonly Deno?: DenoNamespace;
  readonly console: { warn(message: string): void };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
}
