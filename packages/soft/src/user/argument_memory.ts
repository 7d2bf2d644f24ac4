import { type Argument, byteLengthOf, partOf } from "@cryptodev/core/host";
import type { Memory } from "./memory.ts";

/** The memory that an argument refers to, and its addresses. */
type Referenced = Pick<Argument, "address" | "bytes" | "addresses" | "pointees" | "result">;

/** The argument itself, in place of one of its pointers. */
const ARGUMENT = -1;
/** The result that the device creates, in place of a pointer's target. */
const RESULT = -2;
/** No memory that the call refers to. */
const NOWHERE = -3;

/** The memory that one call refers to: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  #referenced: Referenced | null = null;
  /** The part of a view that was read last: calls that follow each other often read the same one. */
  #whole: Uint8Array | null = null;
  #start = 0;
  #part: Uint8Array | null = null;

  /** Switches to a call with this argument; a NULL argument refers to no memory. */
  enter(argument: Referenced | null): void {
    this.#referenced = argument;
  }

  /** Returns the pointer whose target contains these bytes, as an index: an object for each access costs too much. */
  #find(address: number, length: number): number {
    if (this.#referenced === null) return NOWHERE;
    const { address: own, bytes, addresses, pointees, result } = this.#referenced;
    if (result !== undefined && address >= result.address) {
      return address - result.address + length <= result.size ? RESULT : NOWHERE;
    }
    if (contains(bytes, address - (own as number), length)) return ARGUMENT;
    for (let slot = 0; slot < pointees.length; slot += 1) {
      const view = pointees[slot] as Uint8Array | null;
      if (view !== null && contains(view, address - (addresses[slot] as number), length)) return slot;
    }
    return NOWHERE;
  }

  #viewOf(slot: number): Uint8Array {
    const { bytes, pointees, result } = this.#referenced as Referenced;
    if (slot >= 0) return pointees[slot] as Uint8Array;
    if (slot === ARGUMENT || result === undefined) return bytes;
    // It is accessed in parts, so it has to exist.
    result.bytes ??= new Uint8Array(result.size);
    return result.bytes;
  }

  #addressOf(slot: number): number {
    const { address, addresses, result } = this.#referenced as Referenced;
    if (slot >= 0) return addresses[slot] as number;
    return slot === ARGUMENT || result === undefined ? (address as number) : result.address;
  }

  read(address: number, length: number): Uint8Array | undefined {
    const slot = this.#find(address, length);
    return slot === NOWHERE ? undefined : this.#partOf(this.#viewOf(slot), address - this.#addressOf(slot), length);
  }

  /**
   * Returns a part of a view as a plain Uint8Array, even if the caller's view is a Buffer, whose `slice` returns the
   * caller's own memory and not a copy, or reports a false length.
   */
  #partOf(view: Uint8Array, start: number, length: number): Uint8Array {
    const isPlain = Object.getPrototypeOf(view) === Uint8Array.prototype && view.length === length;
    if (isPlain && length === byteLengthOf(view)) return view;
    const part = this.#part;
    if (part !== null && view === this.#whole && start === this.#start && byteLengthOf(part) === length) return part;
    this.#whole = view;
    this.#start = start;
    this.#part = partOf(view, start, start + length);
    return this.#part;
  }

  isReadable(address: number, length: number): boolean {
    return this.#find(address, length) !== NOWHERE;
  }

  isWritable(address: number, length: number): boolean {
    return this.isReadable(address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    const slot = this.#find(address, bytes.length);
    if (slot === NOWHERE) return false;
    set.call(this.#viewOf(slot), bytes, address - this.#addressOf(slot));
    return true;
  }

  give(address: number, bytes: Uint8Array): boolean {
    const result = this.#referenced?.result;
    if (result?.address !== address || result.size !== bytes.length) return this.write(address, bytes);
    result.bytes = bytes;
    return true;
  }

  writeArgument(address: number, bytes: Uint8Array): boolean {
    return this.write(address, bytes);
  }

  retain(): Memory {
    const retained = new ArgumentMemory();
    if (this.#referenced === null) return retained;
    // The argument may point elsewhere by the time of the fetch.
    const { address, bytes, addresses, pointees, result } = this.#referenced;
    retained.enter({ address, bytes, addresses: [...addresses], pointees: [...pointees], result });
    return retained;
  }
}

const { set } = Uint8Array.prototype;

/** Larger than the length of any view. */
const MAX_LENGTH = 2 ** 40;

/**
 * Whether a view contains these bytes, tested by reading the last one. No subclass can falsify that, and it is cheap.
 */
function contains(view: Uint8Array, start: number, length: number): boolean {
  const end = start + length;
  return start >= 0 && end <= MAX_LENGTH && (length === 0 ? start <= byteLengthOf(view) : view[end - 1] !== undefined);
}
