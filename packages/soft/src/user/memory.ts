import type { Argument } from "@cryptodev/core/host";
import { Errno } from "../errno.ts";

/** A range of a caller's memory. */
export interface MemoryRange {
  /** The address of its first byte. */
  readonly address: number;
  /** Its length in bytes. */
  readonly length: number;
}

/**
 * The caller's memory, as far as the device may access it.
 *
 * The device knows nothing else of its caller, so that one device can serve buffers of this process and the memory of
 * another one.
 */
export interface Memory {
  /** The argument of the current call, if the caller is in this process. */
  readonly argument?: Argument | null;
  /**
   * Returns the bytes at an address, which are valid until the device writes to the caller; `undefined` unless all of
   * them are readable.
   */
  read(address: number, length: number): Uint8Array | undefined;
  /**
   * Announces ranges that are read next, each as a whole: the memory of another process costs one system call, however
   * many ranges there are. Memory that is within reach does not need it.
   */
  prefetch?(ranges: readonly MemoryRange[]): void;
  /**
   * Whether all of these bytes are readable. It does not have to read them, and their length may exceed this process's
   * memory.
   */
  isReadable(address: number, length: number): boolean;
  /**
   * Whether all of these bytes are writable, as far as that can be known without writing. It is certain for bytes that
   * were read just before, because those are processed in place.
   */
  isWritable(address: number, length: number): boolean;
  /**
   * Writes to an address.
   *
   * @returns `false`, with nothing written, unless all of the bytes are writable
   */
  write(address: number, bytes: Uint8Array): boolean;
  /**
   * Writes to an address as {@link Memory.write} does, but may keep the bytes instead of a copy: the device does not use
   * them again.
   */
  give?(address: number, bytes: Uint8Array): boolean;
  /**
   * Writes the struct of the current call, at the latest when the call returns: a transport may send it to the caller
   * with the reply. If that fails, the call returns EFAULT.
   *
   * @returns `false`, with nothing written, if it is already known that not all of the bytes are writable
   */
  writeArgument(address: number, bytes: Uint8Array): boolean;
  /** Returns the same memory for later use: it stays as it is when the caller makes another call. */
  retain(): Memory;
}

/**
 * Data of at most this many bytes is read as a whole. A call may specify more than this process can allocate, so more
 * is read in pieces of this size, or only after all checks.
 */
export const PIECE: number = 2 ** 20;

/** The bytes of an empty range. */
export const noBytes: Uint8Array = new Uint8Array();

/** The error of a call whose memory cannot be read. */
export function unreadable(address: number, length: number, what: string): Errno {
  return new Errno("EFAULT", `${what}: ${length} bytes at ${address} cannot be read`);
}

/**
 * Reads from a caller.
 *
 * @throws {Errno} with `EFAULT` if not all of the bytes are readable
 */
export function copyFromUser(memory: Memory, address: number, length: number, what: string): Uint8Array {
  const bytes = length === 0 ? noBytes : memory.read(address, length);
  if (bytes === undefined) throw unreadable(address, length, what);
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
