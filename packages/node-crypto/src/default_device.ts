import { type Device, UnsupportedError } from "@cryptodev/core";

/*
 * The device of this module's exports. How it is opened depends on the runtime, which this package does not know: the
 * package that re-exports these functions says so.
 */

let threadDevice: (() => Device) | undefined;

/** Sets the function that returns this thread's device, the same one each time. */
export function setThreadDevice(device: () => Device): void {
  threadDevice = device;
}

/**
 * Returns this thread's device.
 *
 * @throws {UnsupportedError} if {@link setThreadDevice} was not called
 */
export function defaultDevice(): Device {
  if (threadDevice !== undefined) return threadDevice();
  const remedy = "import cryptodev/crypto instead, or use cryptoOf(device)";
  throw new UnsupportedError("function", "@cryptodev/node-crypto does not know how to open a device", { remedy });
}
