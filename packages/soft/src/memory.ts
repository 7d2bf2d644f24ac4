import { Errno } from "./errno.ts";

/**
 * The caller's memory, as far as the device may access it.
 *
 * The device knows nothing else of its caller, so that one device can serve buffers of this process and the memory of
 * another one.
 */
export interface Memory {
  /**
   * Returns the bytes at an address, to be used before anything else happens; `undefined` unless all of them are
   * readable.
   */
  read(address: number, length: number): Uint8Array | undefined;
  /**
   * Announces what will be read after the next bytes, so that memory of another process can be read in one call. It
   * does not change what is read, and may be ignored.
   */
  expect?(address: number, length: number): void;
  /**
   * Whether all of these bytes are readable. It does not have to read them, and their length may exceed this process's
   * memory.
   */
  isReadable(address: number, length: number): boolean;
  /**
   * Whether all of these bytes are writable, as far as that can be known without writing. It is certain for bytes that
   * were read before in the same call, because those are processed in place.
   */
  isWritable(address: number, length: number): boolean;
  /**
   * Writes to an address.
   *
   * @returns `false`, with nothing written, unless all of the bytes are writable
   */
  write(address: number, bytes: Uint8Array): boolean;
  /**
   * Has an argument written when its call returns. This costs nothing if a transport carries the reply back anyway. If
   * the write fails then, the caller still gets EFAULT.
   *
   * @returns whether it will be written; if not, the caller of this method has to write it at once
   */
  writeOnReturn?(address: number, bytes: Uint8Array): boolean;
  /** Returns the same memory for later use: it stays as it is when the caller makes another call. */
  retain(): Memory;
}

/** No bytes. */
export const nothing: Uint8Array = new Uint8Array();

/**
 * Reads from a caller.
 *
 * @throws {Errno} with `EFAULT` if not all of the bytes are readable
 */
export function copyFromUser(memory: Memory, address: number, length: number, what: string): Uint8Array {
  const bytes = length === 0 ? nothing : memory.read(address, length);
  if (bytes === undefined) throw new Errno("EFAULT", `${what}: ${length} bytes at ${address} cannot be read`);
  return bytes;
}

/** Counts how many of these bytes are writable before the first that is not. */
function writableCount(memory: Memory, address: number, length: number): number {
  let [writable, unwritable] = [0, length];
  while (writable + 1 < unwritable) {
    const middle = (writable + unwritable) >>> 1;
    if (memory.isWritable(address, middle)) writable = middle;
    else unwritable = middle;
  }
  return writable;
}

/**
 * Writes to a caller. As with the kernel's `copy_to_user`, the bytes before the first unwritable one are written.
 *
 * @throws {Errno} with `EFAULT` if not all of the bytes are writable
 */
export function copyToUser(memory: Memory, address: number, bytes: Uint8Array, what: string): void {
  if (memory.write(address, bytes)) return;
  const count = writableCount(memory, address, bytes.length);
  if (count > 0) memory.write(address, bytes.subarray(0, count));
  throw new Errno("EFAULT", `${what}: ${bytes.length} bytes at ${address} cannot be written`);
}
