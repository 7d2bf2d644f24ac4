import { inWords, remedyFor } from "../words.ts";

/*
 * What a Uint8Array really is, whatever its own properties claim. The kernel is told lengths and addresses, so they are
 * read by the language's own getters: a subclass or an object with a `byteLength` of its own cannot lie to it.
 */

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

function getter(name: string | symbol): () => unknown {
  return Object.getOwnPropertyDescriptor(typedArray, name)?.get as () => unknown;
}

const tag = getter(Symbol.toStringTag);
const length = getter("byteLength");
const offset = getter("byteOffset");
const buffer = getter("buffer");

/** Whether this machine keeps the low byte of a number first. */
export const littleEndian: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Bytes in the view now; 0 once its buffer is detached. */
export function byteLengthOf(bytes: Uint8Array): number {
  return length.call(bytes) as number;
}

/** The same; `undefined` for what is not a view. */
function lengthOf(value: Uint8Array): number | undefined {
  try {
    return byteLengthOf(value);
  } catch {
    return undefined;
  }
}

/** The buffer under the view. In Bun this also pins a small view: its bytes move when the buffer is first asked for. */
export function bufferOf(bytes: Uint8Array): ArrayBufferLike {
  return buffer.call(bytes) as ArrayBufferLike;
}

/** Where in its buffer the view starts. */
export function byteOffsetOf(bytes: Uint8Array): number {
  return offset.call(bytes) as number;
}

const resizable = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "resizable")?.get;
const growable = Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "growable")?.get;

/** Whether the view can come to have more or fewer bytes. */
export function canResize(bytes: Uint8Array): boolean {
  const under = bufferOf(bytes);
  try {
    return resizable?.call(under) === true;
  } catch {
    // It is shared memory, which the getter of the other kind refuses.
    return growable?.call(under) === true;
  }
}

/** A view of a part of a view's bytes. `subarray` would ask the view's own class, which may answer with other bytes. */
export function partOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bufferOf(bytes), byteOffsetOf(bytes) + start, end - start);
}

const { fill, set } = Uint8Array.prototype;

/** Copies all of a view to the beginning of another. */
export function copyInto(target: Uint8Array, source: Uint8Array): void {
  set.call(target, source);
}

/** Overwrites the first bytes of a view with zeros. */
export function wipe(bytes: Uint8Array, size: number): void {
  fill.call(bytes, 0, 0, size);
}

const at = Uint8Array.prototype.at;

/** Whether the view's memory is not there any more: a view of no bytes is fine. */
function isGone(bytes: Uint8Array): boolean {
  try {
    // Methods of the prototype refuse such a view; ArrayBuffer.prototype.detached is missing from Node 20. The result is
    // looked at, because Bun leaves out a call of which nothing is used, and its refusal with it.
    return at.call(bytes, 0) !== undefined;
  } catch {
    return true;
  }
}

/**
 * Measures what a caller passed as bytes.
 *
 * @param value - what should be a Uint8Array over memory that is still there
 * @param role - what it is, for example `key`
 * @param name - what it is for, for example `aes-cbc`; both are put together only for a message
 * @throws `TypeError` for anything but a Uint8Array, or for one whose buffer was detached
 */
export function sizeOf(value: Uint8Array, role: string, name: string): number {
  // Of this realm's own kind, which is quicker to find out; what only pretends to be has no length, and throws below.
  const isBytes = value instanceof Uint8Array || tag.call(value) === "Uint8Array";
  const size = isBytes ? lengthOf(value) : undefined;
  if (size === undefined) {
    const got = typeof value === "string" ? "a string" : inWords(value);
    throw new TypeError(`${role} for ${name}: expected a Uint8Array, got ${got}${remedyFor(value)}`);
  }
  if (size === 0 && isGone(value)) {
    throw new TypeError(
      `${role} for ${name}: its memory is gone: the ArrayBuffer was detached, by a transfer to another thread or by transfer(), or shrank`,
    );
  }
  return size;
}

/** Whether the first bytes of two views share memory. */
export function overlap(one: Uint8Array, oneSize: number, other: Uint8Array, otherSize: number): boolean {
  if (bufferOf(one) !== bufferOf(other)) return false;
  const [start, otherStart] = [byteOffsetOf(one), byteOffsetOf(other)];
  return start < otherStart + otherSize && otherStart < start + oneSize;
}

/** Compares without telling by its duration where the first difference is. Both have the same length. */
export function equalInConstantTime(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] as number);
  return difference === 0;
}
