import { bufferOf, byteOffsetOf, copyInto, inWords, own, partOf, sizeOf } from "@cryptodev/core/host";
import type { AsyncOptions } from "./executor.ts";
import { MOST_INLINE } from "./inline.ts";
import type { Argument } from "./protocol.ts";

/*
 * What a job takes along of the caller's arguments: copies of bytes and plain values, and nothing else, because objects
 * of the program cannot be posted, and may change while a job waits for its turn. Data is not copied if the caller gives
 * its memory away.
 */

/**
 * Copies bytes. `undefined` stays: the session's own checks say whether it is an error.
 *
 * @param room - how many bytes the copy has after them
 */
export function copied(
  bytes: Uint8Array | undefined,
  role: string,
  name: string,
  room = 0,
): Uint8Array<ArrayBuffer> | undefined {
  if (bytes === undefined) return undefined;
  const size = sizeOf(bytes, role, name);
  if (room > 0) {
    const copy = new Uint8Array(size + room);
    // Shared memory can grow meanwhile.
    copyInto(copy, partOf(bytes, 0, size));
    return copy;
  }
  // Memory that is allocated as a copy is not filled with zeros before, which takes as long as to copy.
  return new Uint8Array(bytes);
}

/**
 * Returns the data of an operation: a copy, or its own buffer if the operation may keep that. Shared memory cannot be
 * transferred, and a buffer that has other bytes is not, because a message would take them along. Small data is always
 * copied, because it may be processed here, in the memory that this returns.
 *
 * @param room - how many bytes follow the data in what is returned, for the result
 * @param destinations - memory of the caller that receives results. Its buffer is not transferred either
 */
export function dataOf(
  bytes: Uint8Array | undefined,
  role: string,
  name: string,
  options: AsyncOptions | undefined,
  room = 0,
  destinations: readonly Uint8Array[] = [],
): Uint8Array<ArrayBuffer> | undefined {
  const isTransferred = plain(own(options, "transfer", name), "boolean", "transfer", name) === true;
  if (bytes === undefined || !isTransferred) return copied(bytes, role, name, room);
  const size = sizeOf(bytes, role, name);
  const buffer = bufferOf(bytes);
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === size + room && byteOffsetOf(bytes) === 0;
  const isFree = isWhole && destinations.every((destination) => bufferOf(destination) !== buffer);
  return isFree && size > MOST_INLINE ? new Uint8Array(buffer) : copied(bytes, role, name, room);
}

/**
 * Copies a key to shared memory, where {@link wipeKeys} can wipe it whatever happens to the thread that receives it; a
 * transferred key could not be wiped if the thread ends before it gets the message.
 */
export function copiedKey(key: Uint8Array, role: string, name: string): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(sizeOf(key, role, name)));
  copyInto(copy, key);
  return copy;
}

/** Wipes the keys that {@link copiedKey} copied, also those in objects. */
export function wipeKeys(args: readonly Argument[]): void {
  for (const arg of args) {
    if (arg instanceof Uint8Array) {
      if (arg.buffer instanceof SharedArrayBuffer) arg.fill(0);
    } else if (typeof arg === "object") {
      wipeKeys(Object.values(arg));
    }
  }
}

interface Plain {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}

/**
 * Checks a plain value. `undefined` stays: the session's own checks say whether it is an error.
 *
 * @throws {TypeError} if it has another type
 */
export function plain<Type extends keyof Plain>(
  value: unknown,
  type: Type,
  role: string,
  what: string,
): Plain[Type] | undefined {
  if (value === undefined || typeof value === type) return value as Plain[Type] | undefined;
  throw new TypeError(`${role} for ${what}: expected a ${type}, got ${inWords(value)}`);
}

/**
 * Checks that memory has room for a result.
 *
 * @param meanwhile - how to explain that it has less room than when the operation started
 * @throws {TypeError} if it is not a Uint8Array, or its buffer was detached
 * @throws {RangeError} if it is too short
 */
export function checkRoom(memory: Uint8Array, size: number, role: string, name: string, meanwhile = ""): void {
  const room = sizeOf(memory, role, name);
  if (room >= size) return;
  throw new RangeError(`${role} for ${name}: expected at least ${size} bytes, got ${room}${meanwhile}`);
}

/**
 * Copies a result to the memory that the caller provides. Its buffer can be detached or shrink while an operation runs.
 *
 * @returns the number of bytes written
 * @throws {TypeError} if its buffer was detached meanwhile
 * @throws {RangeError} if it shrank meanwhile
 */
export function deliver(result: Uint8Array, memory: Uint8Array, role: string, name: string): number {
  checkRoom(memory, result.length, role, name, "; it shrank while the operation ran");
  copyInto(memory, result);
  return result.length;
}
