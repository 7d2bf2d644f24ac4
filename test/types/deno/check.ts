/* Checks that the Deno package's types of the global `Deno` agree with Deno's own. */
import type { DenoNamespace } from "../../../packages/deno/src/types.ts";

export const build: DenoNamespace["build"] = Deno.build;
export const permissions: DenoNamespace["permissions"] = Deno.permissions;
export const open: (path: string) => { readonly symbols: { readonly close: (fd: number) => number } } = (path) =>
  Deno.dlopen(path, { close: { parameters: ["i32"], result: "i32" } });
