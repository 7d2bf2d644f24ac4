/** Creates the error of a failed operation. It does not say what failed, because that would help to forge messages. */
export function operationError(cause: unknown): DOMException {
  const error = new DOMException("the operation failed", "OperationError");
  return Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
}

/** Creates the error for what neither the device nor, unless it is allowed, the runtime may do. */
export function notSupported(message: string, cause: unknown): DOMException {
  const remedy =
    "to leave to the runtime's own subtle what the device cannot do, set CRYPTODEV_FALLBACK=1, or use subtleOf(device, { fallback: true })";
  const error = new DOMException(`${message}; ${remedy}`, "NotSupportedError");
  return cause === undefined
    ? error
    : Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
}

/** The device does not support something. It never leaves this package. */
export class Lack extends Error {}

/** Arguments are probably invalid: the runtime's own subtle judges them. It never leaves this package. */
export class Doubt extends Lack {}

/** Arguments that the runtime's own subtle certainly refuses, at once. It never leaves this package. */
export class Refusal extends Doubt {}
