import type { Machine } from "./machine.ts";

/** The C types that occur in the interface. A pointer is as wide as the machine's. */
export type Scalar = "char" | "i16" | "u16" | "i32" | "u32" | "u64" | "pointer";

/** One member of a struct: its name, its type, and how many of them when it is an array. */
export type Field = readonly [name: string, type: Scalar | Struct, count?: number];

/** A C struct as its header declares it: the members in order. All else is computed from that by {@link layout}. */
export interface Struct {
  /** Its name in the header. */
  readonly name: string;
  /** Its members, in order. */
  readonly fields: readonly Field[];
}

/** The names of the members of `S`. */
export type FieldName<S extends Struct> = S["fields"][number][0];

/** Where a machine's C compiler puts a struct's members. All numbers are bytes. */
export interface Layout<S extends Struct = Struct> {
  /** The struct's size, trailing padding included. */
  readonly size: number;
  /** The struct's alignment. */
  readonly align: number;
  /** Each member's distance from the start. */
  readonly offset: { readonly [Name in FieldName<S>]: number };
  /** Each member's width; of an array, the whole of it. */
  readonly width: { readonly [Name in FieldName<S>]: number };
}

const widths = { char: 1, i16: 2, u16: 2, i32: 4, u32: 4, u64: 8 } as const;

function extent(type: Scalar | Struct, machine: Machine): { size: number; align: number } {
  if (typeof type === "object") return layout(type, machine);
  const size = type === "pointer" ? machine.pointerSize : widths[type];
  return { size, align: size };
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/**
 * Lays a struct out by the rules of the System V ABIs: each member at the next multiple of its alignment, the whole
 * padded to a multiple of the widest one.
 *
 * @example
 * ```ts
 * import { crypt_op, LP64, layout } from "@cryptodev/core";
 *
 * console.log(layout(crypt_op, LP64).offset.iv); // 40
 * ```
 */
export function layout<const S extends Struct>(struct: S, machine: Machine): Layout<S> {
  const offset: Record<string, number> = {};
  const width: Record<string, number> = {};
  let end = 0;
  let align = 1;
  for (const [name, type, count = 1] of struct.fields) {
    const one = extent(type, machine);
    offset[name] = roundUp(end, one.align);
    width[name] = one.size * count;
    end = offset[name] + width[name];
    align = Math.max(align, one.align);
  }
  return { size: roundUp(end, align), align, offset, width } as Layout<S>;
}
