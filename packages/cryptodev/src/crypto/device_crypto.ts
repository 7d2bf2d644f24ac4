import { isMainThread } from "node:worker_threads";
import type { Device } from "@cryptodev/core";
import { open } from "cryptodev";
import { variable } from "../variable.ts";
import { cryptoFrom, type NodeCrypto } from "./crypto_of.ts";

/** The environment variable that lets node:crypto take over what the device does not support. */
const FALLBACK_VARIABLE = "CRYPTODEV_FALLBACK";

let device: Device | undefined;

/** Returns this thread's device, which stays open until the thread ends. */
function ownDevice(): Device {
  if (device !== undefined) return device;
  const opened = open();
  // The end of the process closes the main thread's descriptor; the end of another thread does not close its own.
  if (!isMainThread) process.once("exit", () => opened.close());
  device = opened;
  return opened;
}

/**
 * Everything that node:crypto has in this runtime, over a device that `open()` opens on first use. With
 * `CRYPTODEV_FALLBACK=1` in the environment, node:crypto takes over what the device does not support; otherwise that
 * throws.
 */
export const crypto: NodeCrypto = cryptoFrom(ownDevice, variable(FALLBACK_VARIABLE) === "1");
