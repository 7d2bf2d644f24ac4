/**
 * The caller's memory as the device may see it: what an address names can be read and written, nothing else is there.
 *
 * It is all that the device knows of its caller, so that the same device serves buffers of this process and the memory
 * of another one.
 */
export interface Memory {
  /** The bytes at an address, to be looked at before anything else happens; `undefined` unless all of them are readable. */
  read(address: number, length: number): Uint8Array | undefined;
  /** Whether all of these bytes are writable. */
  isWritable(address: number, length: number): boolean;
  /** Writes to an address. @returns `false`, with nothing written, unless all of the bytes are writable */
  write(address: number, bytes: Uint8Array): boolean;
}
