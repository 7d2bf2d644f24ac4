import type { Closable } from "./dropped.ts";

/** How the data of one cipher object is worked on: in one direction, from one iv. Closed, it ends its sessions. */
export interface Work extends Closable {
  /** Adds a piece of data. @returns what node:crypto returns for it */
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
  /** Switches padding. Does nothing for a cipher without padding. */
  setAutoPadding(pads: boolean): void;
  /** Brings another to the same state, so that it can continue. */
  moveTo(other: Work): void;
}

/** The same for an authenticated cipher. */
export interface AuthenticatedWork extends Work {
  setAAD(aad: Uint8Array, plaintextLength: number | undefined): void;
  /** The tag of what was encrypted; `undefined` until it is known. */
  readonly tag: Uint8Array | undefined;
  setAuthTag(tag: Uint8Array): void;
}

/** Whether it is that of an authenticated cipher. */
export function isAuthenticated(work: Work): work is AuthenticatedWork {
  return "setAAD" in work;
}
