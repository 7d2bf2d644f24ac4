import type { Machine } from "../abi/machine.ts";
import type { Struct } from "../abi/struct.ts";
import { byteLengthOf } from "./bytes.ts";
import { StructBytes } from "./struct_bytes.ts";

/** A memory address, in the form that the runtime's foreign function interface accepts without a conversion. */
export type Address = number | bigint;

/** The part of a host that lays out structs and points to memory. */
export interface AddressSpace {
  /** The struct layout and the request numbers that the device expects. */
  readonly machine: Machine;

  /**
   * Returns the address of the first byte of `bytes`, which must not be empty. The address is valid while `bytes` is
   * referenced and not detached; it does not keep `bytes` alive.
   *
   * @param argument - the argument that this pointer will be stored in. A host that makes addresses up assigns them per
   * argument, valid for one call, so that none accumulate
   * @returns the address
   */
  addressOf(bytes: Uint8Array, argument?: Argument): Address;

  /**
   * The address of a {@link Result}: a device in this process can create the memory of a result itself. A kernel can
   * only write to memory that exists, so its host does not have this address.
   */
  readonly resultAddress?: number;
}

/**
 * Memory that an operation writes, and that does not exist until then. The device provides the memory in which it
 * computed the result, so that nothing is copied.
 */
export class Result {
  /** Its made-up address. */
  readonly address: number;
  /** Its size in bytes. */
  size = 0;
  /** The memory, once the device has written to it. */
  bytes: Uint8Array | undefined;

  /** Creates the result of no operation yet. */
  constructor(address: number) {
    this.address = address;
  }
}

/**
 * The argument of a system call: a C struct in memory of the library, created once and used for every call.
 *
 * Its address never changes. It keeps the targets of its pointers alive, from {@link Argument.point} until the pointer
 * is set again, so a call never accesses memory that was moved or collected.
 *
 * @example
 * ```ts
 * import { u32 } from "cryptodev/abi";
 * import { Argument } from "cryptodev/host";
 * import { SoftwareHost } from "cryptodev/soft";
 *
 * const argument = new Argument(new SoftwareHost(), u32);
 * argument.setUint32(argument.offset.value, 42);
 * console.log(argument.getUint32(argument.offset.value)); // 42
 * ```
 */
export class Argument<S extends Struct = Struct> extends StructBytes<S> {
  /** The address of its bytes. */
  readonly address: Address;
  /** The current targets of its pointers; `null` for NULL, and for members that are not pointers. */
  readonly pointees: readonly (Uint8Array | null)[];
  /** The addresses of the targets, as numbers; 0 for NULL. */
  readonly addresses: readonly number[];
  /**
   * Views of the targets, which a host other than a kernel keeps here to avoid creating one for each call. A view is
   * dropped when its pointer is set again.
   */
  readonly views: (Uint8Array | null)[];
  /** What {@link Argument.expect} announces; `undefined` if the host does not have an address for it. */
  readonly result: Result | undefined;

  readonly #host: AddressSpace;
  readonly #pointees: (Uint8Array | null)[];
  readonly #addresses: number[];

  /** Lays out the struct for the machine of a host. All bytes are zero. */
  constructor(host: AddressSpace, struct: S) {
    super(struct, host.machine);
    this.#host = host;
    this.address = host.addressOf(this.bytes);
    this.#pointees = new Array(Math.ceil(this.bytes.length / this.pointerSize)).fill(null);
    this.pointees = this.#pointees;
    this.#addresses = this.#pointees.map(() => 0);
    this.addresses = this.#addresses;
    this.views = this.#pointees.map(() => null);
    this.result = host.resultAddress === undefined ? undefined : new Result(host.resultAddress);
  }

  /**
   * Sets a pointer to the first byte of `target`, and keeps `target` alive until the pointer is set again. An empty
   * target becomes NULL. The address is looked up each time, because memory can move under an unchanged view:
   * WebAssembly's memory does in Bun when it grows.
   */
  point(offset: number, target: Uint8Array | null): void {
    const slot = offset / this.pointerSize;
    const address = target === null || byteLengthOf(target) === 0 ? 0 : Number(this.#host.addressOf(target, this));
    this.setAddress(offset, address);
    this.#pointees[slot] = address === 0 ? null : target;
  }

  /** Sets a pointer, or a number of the same width, to an address whose memory is kept alive elsewhere. */
  setAddress(offset: number, address: number): void {
    const slot = offset / this.pointerSize;
    this.#pointees[slot] = null;
    this.views[slot] = null;
    this.#addresses[slot] = address;
    this.setPointer(offset, address);
  }

  /** Sets a pointer to the argument's result, of so many bytes, which the device is to create. */
  expect(offset: number, size: number): void {
    const result = this.result as Result;
    result.size = size;
    result.bytes = undefined;
    this.setAddress(offset, result.address);
  }

  /** Sets every pointer that has a target, or refers to the result, to NULL, so that no target is kept alive. */
  release(): void {
    for (let slot = 0; slot < this.#pointees.length; slot += 1) {
      const isResult = this.result !== undefined && this.#addresses[slot] === this.result.address;
      if (this.#pointees[slot] !== null || isResult) this.setAddress(slot * this.pointerSize, 0);
    }
  }
}
