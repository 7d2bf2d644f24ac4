import type { Machine } from "./machine.ts";

/** The C types that the interface uses. A pointer has the machine's pointer size. */
export type Scalar = "char" | "i16" | "u16" | "i32" | "u32" | "u64" | "pointer";

/** One member of a struct: its name, its type, and the number of elements if it is an array. */
export type Field = readonly [name: string, type: Scalar | Struct, count?: number];

/** A C struct as declared in its header: the members in order. {@link layout} computes everything else. */
export interface Struct {
  /** Its name in the header. */
  readonly name: string;
  /** Its members, in order. */
  readonly fields: readonly Field[];
}

/** The member names of `S`. */
export type FieldName<S extends Struct> = S["fields"][number][0];

/** Where a machine's C compiler puts the members of a struct. All numbers are in bytes. */
export interface Layout<S extends Struct = Struct> {
  /** The struct's size, including trailing padding. */
  readonly size: number;
  /** The struct's alignment. */
  readonly align: number;
  /** The distance of each member from the start. */
  readonly offset: { readonly [Name in FieldName<S>]: number };
  /** The width of each member; of an array, the width of all elements. */
  readonly width: { readonly [Name in FieldName<S>]: number };
}

const widths = { char: 1, i16: 2, u16: 2, i32: 4, u32: 4, u64: 8 } as const;

function extent(type: Scalar | Struct, machine: Machine): { size: number; align: number } {
  if (typeof type === "object") return layout(type, machine);
  const size = type === "pointer" ? machine.pointerSize : widths[type];
  return { size, align: size };
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Layouts of the structs that cannot change, by the size of a pointer: each session needs several. */
const known = { 4: new WeakMap<Struct, Layout>(), 8: new WeakMap<Struct, Layout>() } as const;

/**
 * Computes the layout of a struct by the rules of the System V ABIs: each member starts at the next multiple of its
 * alignment, and the size is padded to a multiple of the largest alignment.
 *
 * @returns size, alignment, offsets and widths
 * @example
 * ```ts
 * import { crypt_op, LP64, layout } from "cryptodev/abi";
 *
 * console.log(layout(crypt_op, LP64).offset.iv); // 40
 * ```
 */
export function layout<const S extends Struct>(struct: S, machine: Machine): Layout<S> {
  const layouts = known[machine.pointerSize];
  const earlier = layouts.get(struct);
  if (earlier !== undefined) return earlier as Layout<S>;
  const computed = compute(struct, machine);
  if (Object.isFrozen(struct)) layouts.set(struct, computed);
  return computed as Layout<S>;
}

function compute(struct: Struct, machine: Machine): Layout {
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
  return Object.freeze({
    size: roundUp(end, align),
    align,
    offset: Object.freeze(offset),
    width: Object.freeze(width),
  });
}
