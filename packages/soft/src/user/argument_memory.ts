import { type Argument, byteLengthOf, partOf } from "@cryptodev/core";
import type { Memory, MemoryRange } from "./memory.ts";

/** The memory that an argument refers to, and its addresses. */
type Referenced = Pick<Argument, "address" | "bytes" | "addresses" | "pointees">;

/** Where bytes are: in which view, and how far from its start. */
interface Place {
  readonly view: Uint8Array;
  readonly start: number;
}

/** The memory that one call refers to: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  #referenced: Referenced | null = null;

  /** Switches to a call with this argument; a NULL argument refers to no memory. */
  enter(argument: Referenced | null): void {
    this.#referenced = argument;
  }

  #find(address: number, length: number): Place | undefined {
    if (this.#referenced === null) return undefined;
    const { address: own, bytes, addresses, pointees } = this.#referenced;
    const ownStart = address - (own as number);
    if (contains(bytes, ownStart, length)) return { view: bytes, start: ownStart };
    for (let slot = 0; slot < pointees.length; slot += 1) {
      const view = pointees[slot] as Uint8Array | null;
      const start = address - (addresses[slot] as number);
      if (view !== null && contains(view, start, length)) return { view, start };
    }
    return undefined;
  }

  read(address: number, length: number): Uint8Array | undefined {
    const place = this.#find(address, length);
    return place === undefined ? undefined : part(place, length);
  }

  readAll(ranges: readonly MemoryRange[]): readonly (Uint8Array | undefined)[] {
    return ranges.map(({ address, length }) => this.read(address, length));
  }

  isReadable(address: number, length: number): boolean {
    return this.#find(address, length) !== undefined;
  }

  isWritable(address: number, length: number): boolean {
    return this.isReadable(address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    const place = this.#find(address, bytes.length);
    if (place === undefined) return false;
    set.call(place.view, bytes, place.start);
    return true;
  }

  writeArgument(address: number, bytes: Uint8Array): boolean {
    return this.write(address, bytes);
  }

  retain(): Memory {
    const retained = new ArgumentMemory();
    if (this.#referenced === null) return retained;
    // The argument may point elsewhere by the time of the fetch.
    const { address, bytes, addresses, pointees } = this.#referenced;
    retained.enter({ address, bytes, addresses: [...addresses], pointees: [...pointees] });
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

/**
 * Returns a part of a view as a plain Uint8Array, even if the caller's view is a Buffer, whose `slice` returns the
 * caller's own memory and not a copy, or reports a false length.
 */
function part({ view, start }: Place, length: number): Uint8Array {
  const isPlain = Object.getPrototypeOf(view) === Uint8Array.prototype && view.length === length;
  return isPlain && length === byteLengthOf(view) ? view : partOf(view, start, start + length);
}
