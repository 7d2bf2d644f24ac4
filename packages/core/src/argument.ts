import { type Layout, layout, type Struct } from "./abi/struct.ts";
import { byteLengthOf, littleEndian } from "./bytes.ts";
import type { Address, Host } from "./host.ts";

/**
 * The argument of a system call: one C struct in memory of our own, made once and used for every call.
 *
 * Its address never changes, and it keeps alive all that its pointers name, from {@link Argument.point} until the
 * pointer is set again: a call can never meet memory that was moved or collected.
 *
 * @example
 * ```ts
 * import { Argument, u32 } from "@cryptodev/core";
 * import { SoftwareHost } from "@cryptodev/soft";
 *
 * const argument = new Argument(new SoftwareHost(), u32);
 * argument.setUint32(argument.offset.value, 42);
 * console.log(argument.getUint32(argument.offset.value)); // 42
 * ```
 */
export class Argument<S extends Struct = Struct> {
  /** The struct's bytes. */
  readonly bytes: Uint8Array;
  /** Where they are. */
  readonly address: Address;
  /** Where its members are, in bytes from its start. */
  readonly offset: Layout<S>["offset"];
  /** What its pointers name now; `null` for NULL and for what is no pointer. */
  readonly pointees: readonly (Uint8Array | null)[];
  /** The addresses of these, as numbers; 0 for NULL. */
  readonly addresses: readonly number[];

  readonly #host: Host;
  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;
  readonly #pointees: (Uint8Array | null)[];
  readonly #addresses: number[];

  constructor(host: Host, struct: S) {
    const { size, offset } = layout(struct, host.machine);
    // Whole words, and an explicit buffer: Bun keeps a small view without one inside its own heap, where it moves.
    const buffer = new ArrayBuffer(Math.ceil(size / 4) * 4);
    this.bytes = new Uint8Array(buffer, 0, size);
    this.#words = new Uint32Array(buffer);
    this.#halves = new Uint16Array(buffer);
    this.offset = offset;
    this.#host = host;
    this.address = host.addressOf(this.bytes);
    this.#pointees = new Array(Math.ceil(size / host.machine.pointerSize)).fill(null);
    this.pointees = this.#pointees;
    this.#addresses = this.#pointees.map(() => 0);
    this.addresses = this.#addresses;
  }

  getUint16(offset: number): number {
    return this.#halves[offset >>> 1] as number;
  }

  setUint16(offset: number, value: number): void {
    this.#halves[offset >>> 1] = value;
  }

  getUint32(offset: number): number {
    return this.#words[offset >>> 2] as number;
  }

  setUint32(offset: number, value: number): void {
    this.#words[offset >>> 2] = value;
  }

  /** Reads a `char` array up to its first zero. */
  getString(offset: number, width: number): string {
    const characters = this.bytes.subarray(offset, offset + width);
    const end = characters.indexOf(0);
    return String.fromCharCode(...(end < 0 ? characters : characters.subarray(0, end)));
  }

  /**
   * Sets a pointer to the first byte of `target`, and holds `target` until it is set again. No bytes make NULL.
   *
   * Pointing at what it points at already costs nothing: the address of a view whose buffer is not detached stays.
   */
  point(offset: number, target: Uint8Array | null): void {
    const { pointerSize } = this.#host.machine;
    const slot = offset / pointerSize;
    if (target === this.#pointees[slot] && target !== null && byteLengthOf(target) !== 0) return;
    const address = target === null || byteLengthOf(target) === 0 ? 0 : Number(this.#host.addressOf(target, this));
    this.setAddress(offset, address);
    this.#pointees[slot] = address === 0 ? null : target;
  }

  /** Sets a pointer, or a number as wide as one, to an address whose memory somebody else keeps. */
  setAddress(offset: number, address: number): void {
    const { pointerSize } = this.#host.machine;
    this.#pointees[offset / pointerSize] = null;
    this.#addresses[offset / pointerSize] = address;
    const word = offset >>> 2;
    // Two halves, as writing one BigInt costs ten times as much; `>>> 0` keeps the low 32 bits.
    const low = address >>> 0;
    if (pointerSize === 4) {
      this.#words[word] = low;
    } else {
      const high = (address - low) / 2 ** 32;
      this.#words[word] = littleEndian ? low : high;
      this.#words[word + 1] = littleEndian ? high : low;
    }
  }

  /** Sets every pointer to NULL, so that nothing is kept alive any more. */
  release(): void {
    for (const [slot, target] of this.#pointees.entries()) {
      if (target !== null) this.point(slot * this.#host.machine.pointerSize, null);
    }
  }
}
