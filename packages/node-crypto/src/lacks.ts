import type { Device } from "@cryptodev/core";
import { isMissing } from "@cryptodev/core/host";

/** Where the work is done: a device, which is requested on first use, and node:crypto for the rest if it is allowed. */
export interface Source {
  readonly device: () => Device;
  readonly isAllowed: boolean;
}

const errors = new WeakSet<Error>();

/** Marks an error as the device's limit, beyond which node:crypto may take over. */
export function lacking<E extends Error>(error: E): E {
  errors.add(error);
  return error;
}

/** Checks whether an error was marked by {@link lacking}. */
export function isLack(error: unknown): boolean {
  return error instanceof Error && errors.has(error);
}

/**
 * Starts a session. If the algorithm is missing from the device, or hardware is required and only software implements
 * it, throws the error that node:crypto throws for an unknown algorithm, with the device's error as its cause.
 */
export function startOr<S>(unknown: (cause: unknown) => Error, start: () => S): S {
  try {
    return start();
  } catch (error) {
    if (isMissing(error)) throw lacking(unknown(error));
    throw error;
  }
}

/** Uses the device; if it does not support something, uses node:crypto if that is allowed. */
export function orNode<T>({ isAllowed }: Source, own: () => T, nodes: () => T): T {
  try {
    return own();
  } catch (error) {
    if (isAllowed && isLack(error)) return nodes();
    throw error;
  }
}
