import { CryptodevError, type Device } from "@cryptodev/core";

/** What does the work: a device that is got when it is first needed, and node:crypto for the rest if it may. */
export interface Source {
  readonly device: () => Device;
  readonly isAllowed: boolean;
}

const errors = new WeakSet<Error>();

/** Marks the error of something that the device cannot do, and that node:crypto may be able to. */
export function lacking<E extends Error>(error: E): E {
  errors.add(error);
  return error;
}

/** Whether an error tells of something that the device cannot do. */
export function isLack(error: unknown): boolean {
  return error instanceof Error && errors.has(error);
}

/**
 * Starts a session. Where the device has no driver for it, or none in hardware and that is required, the error is
 * node:crypto's for what it does not know, with the device's as its cause.
 */
export function startOr<S>(unknown: (cause: unknown) => Error, start: () => S): S {
  try {
    return start();
  } catch (error) {
    if (error instanceof CryptodevError && (error.code === "EINVAL" || error.code === "ENODEV")) {
      throw lacking(unknown(error));
    }
    throw error;
  }
}

/** Has node:crypto do what is missing from the device, if it may. */
export function orNode<T>({ isAllowed }: Source, own: () => T, nodes: () => T): T {
  try {
    return own();
  } catch (error) {
    if (isAllowed && isLack(error)) return nodes();
    throw error;
  }
}
