import { isMainThread } from "node:worker_threads";
import type { Device } from "@cryptodev/core";
import { open } from "./index.ts";

let device: Device | undefined;

/** Returns this thread's device, which `open()` opens on first use. It stays open until the thread ends. */
export function threadDevice(): Device {
  if (device !== undefined) return device;
  const opened = open();
  // The end of the process closes the main thread's descriptor; the end of another thread does not close its own.
  if (!isMainThread) process.once("exit", () => opened.close());
  device = opened;
  return opened;
}
