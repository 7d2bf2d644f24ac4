import type { Struct } from "../abi/struct.ts";
import type { Address, Host } from "../host.ts";
import { byteLengthOf } from "./bytes.ts";
import { StructBytes } from "./struct_bytes.ts";

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
export class Argument<S extends Struct = Struct> extends StructBytes<S> {
  /** Where its bytes are. */
  readonly address: Address;
  /** What its pointers name now; `null` for NULL and for what is no pointer. */
  readonly pointees: readonly (Uint8Array | null)[];
  /** The addresses of these, as numbers; 0 for NULL. */
  readonly addresses: readonly number[];

  readonly #host: Host;
  readonly #pointees: (Uint8Array | null)[];
  readonly #addresses: number[];

  /** Lays the struct out for the machine of a host, in memory that is all zeros. */
  constructor(host: Host, struct: S) {
    super(struct, host.machine);
    this.#host = host;
    this.address = host.addressOf(this.bytes);
    this.#pointees = new Array(Math.ceil(this.bytes.length / this.pointerSize)).fill(null);
    this.pointees = this.#pointees;
    this.#addresses = this.#pointees.map(() => 0);
    this.addresses = this.#addresses;
  }

  /**
   * Sets a pointer to the first byte of `target`, and holds `target` until it is set again. No bytes make NULL. The address
   * is asked for each time: memory can move under a view that stays the same, as WebAssembly's does in Bun when it grows.
   */
  point(offset: number, target: Uint8Array | null): void {
    const slot = offset / this.pointerSize;
    const address = target === null || byteLengthOf(target) === 0 ? 0 : Number(this.#host.addressOf(target, this));
    this.setAddress(offset, address);
    this.#pointees[slot] = address === 0 ? null : target;
  }

  /** Sets a pointer, or a number as wide as one, to an address whose memory somebody else keeps. */
  setAddress(offset: number, address: number): void {
    const slot = offset / this.pointerSize;
    this.#pointees[slot] = null;
    this.#addresses[slot] = address;
    this.setPointer(offset, address);
  }

  /** Sets every pointer that names a view to NULL, so that none is kept alive any more. */
  release(): void {
    for (const [slot, target] of this.#pointees.entries()) {
      if (target !== null) this.point(slot * this.pointerSize, null);
    }
  }
}
