import { isMainThread } from "node:worker_threads";
import type { Device } from "@cryptodev/core";
import { open } from "cryptodev";
import { variable } from "../variable.ts";
import { cryptoFrom, type NodeCrypto } from "./crypto_of.ts";

/** The environment variable that allows node:crypto to do what the device cannot. */
const FALLBACK_VARIABLE = "CRYPTODEV_FALLBACK";

let device: Device | undefined;

/** One for each thread, for as long as that lives. */
function ownDevice(): Device {
  if (device !== undefined) return device;
  const opened = open();
  // The process's end closes what the main thread has; a thread's end closes nothing.
  if (!isMainThread) process.once("exit", () => opened.close());
  device = opened;
  return opened;
}

/**
 * All that node:crypto has in this runtime, over a device that is opened when it is first needed, as `open()` opens it.
 * `CRYPTODEV_FALLBACK=1` in the environment has node:crypto do what the device cannot; without it that throws.
 */
export const crypto: NodeCrypto = cryptoFrom(ownDevice, variable(FALLBACK_VARIABLE) === "1");
