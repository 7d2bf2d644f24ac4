import { isMainThread } from "node:worker_threads";
import { type Device, UnsupportedError } from "@cryptodev/core";

/*
 * The device of this module's exports. How it is opened depends on the runtime, which this package does not know: the
 * package that re-exports these functions says so.
 */

let open: (() => Device) | undefined;
let device: Device | undefined;

/** Sets the function that opens this thread's device on first use. */
export function openDefaultWith(opener: () => Device): void {
  open = opener;
}

/**
 * Returns this thread's device, which stays open until the thread ends.
 *
 * @throws {UnsupportedError} if {@link openDefaultWith} was not called
 */
export function defaultDevice(): Device {
  if (device !== undefined) return device;
  if (open === undefined) {
    const remedy = "import cryptodev/crypto instead, or use cryptoOf(device)";
    throw new UnsupportedError("function", "@cryptodev/node-crypto does not know how to open a device", { remedy });
  }
  const opened = open();
  // The end of the process closes the main thread's descriptor; the end of another thread does not close its own.
  if (!isMainThread) process.once("exit", () => opened.close());
  device = opened;
  return opened;
}
