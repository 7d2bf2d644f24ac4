import { inWords, remedyFor } from "../words.ts";

/*
 * What a Uint8Array really is, whatever its own properties claim. Lengths and addresses are passed to the kernel, so
 * they are read with the language's own getters: a subclass or an object with its own `byteLength` cannot falsify them.
 */

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

function getter(name: string | symbol): () => unknown {
  return Object.getOwnPropertyDescriptor(typedArray, name)?.get as () => unknown;
}

const tag = getter(Symbol.toStringTag);
const length = getter("byteLength");
const offset = getter("byteOffset");
const buffer = getter("buffer");

/** Whether this machine stores the low byte of a number first. */
export const littleEndian: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Returns the current number of bytes in the view; 0 if its buffer is detached. */
export function byteLengthOf(bytes: Uint8Array): number {
  return length.call(bytes) as number;
}

/** Like {@link byteLengthOf}, but returns `undefined` if the value is not a view. */
function lengthOf(value: Uint8Array): number | undefined {
  try {
    return byteLengthOf(value);
  } catch {
    return undefined;
  }
}

/**
 * Returns the buffer of the view. In Bun this also pins a small view, whose bytes move when its buffer is first
 * accessed.
 */
export function bufferOf(bytes: Uint8Array): ArrayBufferLike {
  return buffer.call(bytes) as ArrayBufferLike;
}

/** Returns the offset of the view in its buffer. */
export function byteOffsetOf(bytes: Uint8Array): number {
  return offset.call(bytes) as number;
}

const resizable = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "resizable")?.get;
const growable = Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "growable")?.get;

/** Whether the view can become longer or shorter. */
export function canResize(bytes: Uint8Array): boolean {
  const under = bufferOf(bytes);
  try {
    return resizable?.call(under) === true;
  } catch {
    // The buffer is shared memory, which the getter of ArrayBuffer refuses.
    return growable?.call(under) === true;
  }
}

/** Returns a view of a part of the bytes. `subarray` would use the view's own class, which may return other bytes. */
export function partOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bufferOf(bytes), byteOffsetOf(bytes) + start, end - start);
}

/**
 * Returns bytes that a device created as the program expects a result: a Uint8Array and not a Buffer, over memory that
 * contains nothing else. They are copied only if their memory is longer.
 */
export function asPlain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const memory = bufferOf(bytes);
  if (memory.byteLength !== byteLengthOf(bytes)) return new Uint8Array(bytes);
  const isPlain = Object.getPrototypeOf(bytes) === Uint8Array.prototype;
  return (isPlain ? bytes : new Uint8Array(memory)) as Uint8Array<ArrayBuffer>;
}

const { fill, set } = Uint8Array.prototype;

/** Copies all bytes of a view to the start of another. */
export function copyInto(target: Uint8Array, source: Uint8Array): void {
  set.call(target, source);
}

/** Overwrites the first bytes of a view with zeros. */
export function wipe(bytes: Uint8Array, size: number): void {
  fill.call(bytes, 0, 0, size);
}

const at = Uint8Array.prototype.at;

/** Whether the view's memory no longer exists. A view that is merely empty is fine. */
function isGone(bytes: Uint8Array): boolean {
  try {
    // Methods of the prototype throw for such a view; Node 20 does not have ArrayBuffer.prototype.detached. The result
    // is compared because Bun optimises away a call whose result is unused, together with its exception.
    return at.call(bytes, 0) !== undefined;
  } catch {
    return true;
  }
}

/**
 * Measures bytes that a caller passed.
 *
 * @param value - what should be a Uint8Array over memory that still exists
 * @param role - what the bytes are, for example `key`
 * @param name - what they are for, for example `aes-cbc`; both are used only to build a message
 * @returns the size in bytes
 * @throws {TypeError} if `value` is not a Uint8Array, or its buffer was detached
 */
export function sizeOf(value: Uint8Array, role: string, name: string): number {
  // The class of this realm is the faster test. An object that only pretends to be a Uint8Array does not have a length,
  // and is refused below.
  const isBytes = value instanceof Uint8Array || tag.call(value) === "Uint8Array";
  const size = isBytes ? lengthOf(value) : undefined;
  if (size === undefined) {
    const got = typeof value === "string" ? "a string" : inWords(value);
    throw new TypeError(`${role} for ${name}: expected a Uint8Array, got ${got}${remedyFor(value, role)}`);
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

/** Compares two views of the same length, in a time that does not depend on where they differ. */
export function equalInConstantTime(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] as number);
  return difference === 0;
}
