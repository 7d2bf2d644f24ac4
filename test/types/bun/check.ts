/* Checks that the Bun package's types of `bun:ffi` agree with Bun's own. */
import type * as real from "bun:ffi";
import type { BunFFI } from "../../../packages/bun/src/types.ts";

declare const ffi: typeof real;
export const pointer: (view: Uint8Array) => number = ffi.ptr;
export const read: BunFFI["read"]["i32"] = (address, offset) => ffi.read.i32(address as real.Pointer, offset);
export const open: (path: string) => { readonly symbols: { readonly close: (fd: number) => number } } = (path) =>
  ffi.dlopen(path, { close: { args: ["i32"], returns: "i32" } });
