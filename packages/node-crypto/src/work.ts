import type { Closable } from "./dropped.ts";

/** Encrypts or decrypts the data of one cipher object, with one iv. Closing it ends its sessions. */
export interface Work extends Closable {
  /**
   * Processes a chunk of data.
   *
   * @param data - the program's own view, whose properties and methods may be the program's too
   * @param size - its size in bytes
   * @returns the bytes that node:crypto returns for it
   */
  update(data: Uint8Array, size: number): Uint8Array;
  final(): Uint8Array;
  /** Turns padding on or off. Does nothing for a cipher without padding. */
  setAutoPadding(pads: boolean): void;
  /** Brings another one to the same state, so that it can continue. */
  moveTo(other: Work): void;
}

/** Work of an authenticated cipher. */
export interface AuthenticatedWork extends Work {
  setAAD(aad: Uint8Array, plaintextLength: number | undefined): void;
  /** The tag of the encrypted message; `undefined` until it is known. */
  readonly tag: Uint8Array | undefined;
  setAuthTag(tag: Uint8Array): void;
}

/** Checks whether work is that of an authenticated cipher. */
export function isAuthenticated(work: Work): work is AuthenticatedWork {
  return "setAAD" in work;
}
