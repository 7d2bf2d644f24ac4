import type { Machine } from "../abi/machine.ts";
import { type Layout, layout, type Struct } from "../abi/struct.ts";
import { littleEndian } from "./bytes.ts";

/** The low and the high word of a 64-bit number, as offsets in words. */
const [LOW, HIGH] = littleEndian ? [0, 1] : [1, 0];

/**
 * The bytes of a C struct, and access to its members as numbers. Members are identified by their offset: see
 * {@link StructBytes.offset}.
 *
 * @example
 * ```ts
 * import { crypt_op, LP64 } from "cryptodev/abi";
 * import { StructBytes } from "cryptodev/host";
 *
 * const operation = new StructBytes(crypt_op, LP64);
 * operation.setUint32(operation.offset.len, 4096);
 * console.log(operation.bytes.length); // 48
 * ```
 */
export class StructBytes<S extends Struct = Struct> {
  /** The struct's bytes, including its padding. */
  readonly bytes: Uint8Array;
  /** The offsets of its members, in bytes. */
  readonly offset: Layout<S>["offset"];
  /** Bytes in a pointer. */
  readonly pointerSize: 4 | 8;

  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;

  /**
   * Lays out the struct. All bytes are zero.
   *
   * @param struct - the struct
   * @param machine - the machine whose layout is used
   */
  constructor(struct: S, machine: Machine) {
    const { size, offset } = layout(struct, machine);
    // Whole words, and an explicit buffer: without one, Bun keeps a small view in its own heap, where it moves.
    const buffer = new ArrayBuffer(Math.ceil(size / 4) * 4);
    this.bytes = new Uint8Array(buffer, 0, size);
    this.offset = offset;
    this.pointerSize = machine.pointerSize;
    this.#words = new Uint32Array(buffer);
    this.#halves = new Uint16Array(buffer);
  }

  /** Reads a member of 2 bytes at `offset`. */
  getUint16(offset: number): number {
    return this.#halves[offset >>> 1] as number;
  }

  /** Sets a member of 2 bytes. */
  setUint16(offset: number, value: number): void {
    this.#halves[offset >>> 1] = value;
  }

  /** Reads a member of 4 bytes at `offset`. */
  getUint32(offset: number): number {
    return this.#words[offset >>> 2] as number;
  }

  /** Sets a member of 4 bytes. */
  setUint32(offset: number, value: number): void {
    this.#words[offset >>> 2] = value;
  }

  /** Reads a member of 8 bytes. Values above 2 ** 53 are rounded; addresses and sizes are smaller. */
  getUint64(offset: number): number {
    const word = offset >>> 2;
    return (this.#words[word + HIGH] as number) * 2 ** 32 + (this.#words[word + LOW] as number);
  }

  /** Sets a member of 8 bytes, in two halves: writing one BigInt is ten times slower. */
  setUint64(offset: number, value: number): void {
    const word = offset >>> 2;
    const low = value >>> 0;
    this.#words[word + LOW] = low;
    this.#words[word + HIGH] = (value - low) / 2 ** 32;
  }

  /** Reads a pointer, or a number of the same width, such as a `size_t`. */
  getPointer(offset: number): number {
    return this.pointerSize === 4 ? this.getUint32(offset) : this.getUint64(offset);
  }

  /** Sets a pointer, or a number of the same width. */
  setPointer(offset: number, value: number): void {
    if (this.pointerSize === 4) this.setUint32(offset, value);
    else this.setUint64(offset, value);
  }

  /** Reads a `char` array of `width` bytes, up to its first zero. */
  getString(offset: number, width: number): string {
    const characters = this.bytes.subarray(offset, offset + width);
    const end = characters.indexOf(0);
    return String.fromCharCode(...(end < 0 ? characters : characters.subarray(0, end)));
  }

  /**
   * Sets a `char` array of `width` bytes: the text, cut if it is too long, and a terminating zero. Bytes after it do
   * not change.
   */
  setString(offset: number, width: number, text: string): void {
    const cut = text.slice(0, width - 1);
    for (let index = 0; index < cut.length; index += 1) this.bytes[offset + index] = cut.charCodeAt(index);
    this.bytes[offset + cut.length] = 0;
  }
}
