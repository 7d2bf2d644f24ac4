import { Errno } from "./errno.ts";

/**
 * The caller's memory as the device may see it: what an address names can be read and written, nothing else is there.
 *
 * It is all that the device knows of its caller, so that the same device serves buffers of this process and the memory
 * of another one.
 */
export interface Memory {
  /** The bytes at an address, to be looked at before anything else happens; `undefined` unless all of them are readable. */
  read(address: number, length: number): Uint8Array | undefined;
  /**
   * Tells what will be read after the next bytes, so that memory which is far away is asked once for all of them. It changes
   * nothing of what is read, and may be ignored.
   */
  expect?(address: number, length: number): void;
  /** Whether all of these bytes are readable. It need not read them, and what is there need not fit into this process. */
  isReadable(address: number, length: number): boolean;
  /**
   * Whether all of these bytes are writable, as far as can be known without writing; of bytes that were read before in the
   * same call, which are worked on in place, it is known.
   */
  isWritable(address: number, length: number): boolean;
  /** Writes to an address. @returns `false`, with nothing written, unless all of the bytes are writable */
  write(address: number, bytes: Uint8Array): boolean;
  /**
   * Has an argument written as its call returns, which costs nothing where somebody carries the call back anyway. If that
   * fails, the caller is told EFAULT all the same.
   *
   * @returns whether it will be; only then need it not be written at once
   */
  writeOnReturn?(address: number, bytes: Uint8Array): boolean;
  /** The same memory for later: what it names does not change any more when the caller makes another call. */
  retain(): Memory;
}

/** No bytes. */
export const nothing: Uint8Array = new Uint8Array();

/** Reads from a caller. @throws `Errno` EFAULT */
export function copyFromUser(memory: Memory, address: number, length: number, what: string): Uint8Array {
  const bytes = length === 0 ? nothing : memory.read(address, length);
  if (bytes === undefined) throw new Errno("EFAULT", `${what}: ${length} bytes at ${address} cannot be read`);
  return bytes;
}

/** How many of these bytes can be written before the first that cannot. */
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
 * Writes to a caller. As with the kernel's `copy_to_user`, the bytes before one that cannot be written are written.
 *
 * @throws `Errno` EFAULT
 */
export function copyToUser(memory: Memory, address: number, bytes: Uint8Array, what: string): void {
  if (memory.write(address, bytes)) return;
  const count = writableCount(memory, address, bytes.length);
  if (count > 0) memory.write(address, bytes.subarray(0, count));
  throw new Errno("EFAULT", `${what}: ${bytes.length} bytes at ${address} cannot be written`);
}
