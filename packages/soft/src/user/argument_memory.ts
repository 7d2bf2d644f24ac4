import { type Argument, byteLengthOf, partOf } from "@cryptodev/core/host";
import { FIRST_REGION } from "./addresses.ts";
import type { Memory } from "./memory.ts";

/** The memory that an argument refers to, and its addresses. */
type Referenced = Pick<Argument, "address" | "bytes" | "addresses" | "pointees" | "views" | "result">;

/**
 * Returns what a pointer of an argument refers to, without looking for its address.
 *
 * @param offset - that of the pointer in the struct
 * @returns exactly so many bytes as a plain Uint8Array; `null` for NULL; `undefined` if the target has fewer, or is the
 * struct itself, or if the pointer was set by other means
 */
export function targetOf(argument: Argument, offset: number, length: number): Uint8Array | null | undefined {
  const address = argument.getPointer(offset);
  if (address === 0) return null;
  const slot = offset / argument.pointerSize;
  const view = argument.pointees[slot] as Uint8Array | null;
  if (view === null || address !== argument.addresses[slot] || address < FIRST_REGION) return undefined;
  return view[length - 1] === undefined ? undefined : plainly(argument.views, slot, view, 0, length);
}

/** Whether a pointer of an argument refers to a result of so many bytes that the device is to create. */
export function isResult(argument: Argument, offset: number, length: number): boolean {
  const { result } = argument;
  return result !== undefined && result.size === length && argument.getPointer(offset) === result.address;
}

/** The argument itself, in place of one of its pointers. */
const ARGUMENT = -1;
/** The result that the device creates, in place of a pointer's target. */
const RESULT = -2;
/** No memory that the call refers to. */
const NOWHERE = -3;

/** The memory that one call refers to: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  /** The argument of the current call. */
  argument: Argument | null = null;
  #referenced: Referenced | null = null;

  /** Switches to a call with this argument; a NULL argument refers to no memory. */
  enter(argument: Argument | null): void {
    this.argument = argument;
    this.#referenced = argument;
  }

  read(address: number, length: number): Uint8Array | undefined {
    const referenced = this.#referenced;
    if (referenced === null) return undefined;
    const slot = find(referenced, address, length);
    if (slot === NOWHERE) return undefined;
    const start = address - addressOf(referenced, slot);
    const view = viewOf(referenced, slot);
    return slot < 0 ? exactly(view, start, length) : plainly(referenced.views, slot, view, start, length);
  }

  isReadable(address: number, length: number): boolean {
    return this.#referenced !== null && find(this.#referenced, address, length) !== NOWHERE;
  }

  isWritable(address: number, length: number): boolean {
    return this.isReadable(address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    const referenced = this.#referenced;
    if (referenced === null) return false;
    const slot = find(referenced, address, bytes.length);
    if (slot === NOWHERE) return false;
    set.call(viewOf(referenced, slot), bytes, address - addressOf(referenced, slot));
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
    const { address, bytes, addresses, pointees, views, result } = this.#referenced;
    retained.#referenced = {
      address,
      bytes,
      addresses: [...addresses],
      pointees: [...pointees],
      views: [...views],
      result,
    };
    return retained;
  }
}

const { set } = Uint8Array.prototype;

/** Larger than the length of any view. */
const MAX_LENGTH = 2 ** 40;

/** Returns the pointer whose target contains these bytes, as an index: an object for each access costs too much. */
function find(
  { address: own, bytes, addresses, pointees, result }: Referenced,
  address: number,
  length: number,
): number {
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

/**
 * Whether a view contains these bytes, tested by reading the last one. No subclass can falsify that, and it is cheap.
 */
function contains(view: Uint8Array, start: number, length: number): boolean {
  const end = start + length;
  return start >= 0 && end <= MAX_LENGTH && (length === 0 ? start <= byteLengthOf(view) : view[end - 1] !== undefined);
}

function viewOf({ bytes, pointees, result }: Referenced, slot: number): Uint8Array {
  if (slot >= 0) return pointees[slot] as Uint8Array;
  if (slot === ARGUMENT || result === undefined) return bytes;
  // It is accessed in parts, so it has to exist.
  result.bytes ??= new Uint8Array(result.size);
  return result.bytes;
}

function addressOf({ address, addresses, result }: Referenced, slot: number): number {
  if (slot >= 0) return addresses[slot] as number;
  return slot === ARGUMENT || result === undefined ? (address as number) : result.address;
}

/** Returns a part of memory of the library. */
function exactly(view: Uint8Array, start: number, length: number): Uint8Array {
  return start === 0 && view.length === length ? view : partOf(view, start, start + length);
}

/**
 * Returns a part of a caller's view as a plain Uint8Array: the view may be a Buffer, whose `slice` returns the caller's
 * own memory and not a copy, or report a false length.
 */
function plainly(
  views: (Uint8Array | null)[],
  slot: number,
  view: Uint8Array,
  start: number,
  length: number,
): Uint8Array {
  if (start > 0) return partOf(view, start, start + length);
  const known = views[slot] as Uint8Array | null;
  // It has no bytes left if its memory was detached.
  if (known !== null && known.length === length) return known;
  const made = partOf(view, 0, length);
  views[slot] = made;
  return made;
}
