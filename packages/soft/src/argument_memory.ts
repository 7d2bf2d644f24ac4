import { type Argument, byteLengthOf, partOf } from "@cryptodev/core";
import type { Memory } from "./memory.ts";

/** The memory that an argument refers to, and its addresses. */
type Named = Pick<Argument, "address" | "bytes" | "addresses" | "pointees">;

/** The memory that one call refers to: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  #named: Named | null = null;
  #start = 0;

  /** Switches to a call with this argument; a NULL argument refers to no memory. */
  enter(named: Named | null): void {
    this.#named = named;
  }

  /** Finds the view that contains these bytes, and stores in `#start` where in the view they start. */
  #viewOf(address: number, length: number): Uint8Array | undefined {
    if (this.#named === null) return undefined;
    const { address: own, bytes, addresses, pointees } = this.#named;
    this.#start = address - (own as number);
    if (contains(bytes, this.#start, length)) return bytes;
    for (let slot = 0; slot < pointees.length; slot += 1) {
      const view = pointees[slot] as Uint8Array | null;
      this.#start = address - (addresses[slot] as number);
      if (view !== null && contains(view, this.#start, length)) return view;
    }
    return undefined;
  }

  read(address: number, length: number): Uint8Array | undefined {
    const view = this.#viewOf(address, length);
    return view === undefined ? undefined : part(view, this.#start, length);
  }

  isReadable(address: number, length: number): boolean {
    return this.#viewOf(address, length) !== undefined;
  }

  isWritable(address: number, length: number): boolean {
    return this.isReadable(address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    const target = this.#viewOf(address, bytes.length);
    if (target === undefined) return false;
    set.call(target, bytes, this.#start);
    return true;
  }

  retain(): Memory {
    const retained = new ArgumentMemory();
    if (this.#named === null) return retained;
    // The argument may point elsewhere by the time of the fetch.
    const { address, bytes, addresses, pointees } = this.#named;
    retained.enter({ address, bytes, addresses: [...addresses], pointees: [...pointees] });
    return retained;
  }
}

const { set } = Uint8Array.prototype;

/** Larger than the length of any view. */
const MOST = 2 ** 40;

/**
 * Whether a view contains these bytes, tested by reading the last one. No subclass can falsify that, and it is cheap.
 */
function contains(view: Uint8Array, start: number, length: number): boolean {
  const end = start + length;
  return start >= 0 && end <= MOST && (length === 0 ? start <= byteLengthOf(view) : view[end - 1] !== undefined);
}

/**
 * Returns a part of a view as a plain Uint8Array, even if the caller's view is a Buffer, whose `slice` returns the
 * caller's own memory and not a copy, or reports a false length.
 */
function part(view: Uint8Array, start: number, length: number): Uint8Array {
  const isPlain = Object.getPrototypeOf(view) === Uint8Array.prototype && view.length === length;
  return isPlain && length === byteLengthOf(view) ? view : partOf(view, start, start + length);
}
