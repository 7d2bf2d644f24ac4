import type { Device } from "@cryptodev/core";
import { setThreadDevice } from "./default_device.ts";
import { type Redirection, redirect } from "./redirect.ts";
import { threads } from "./register_threads.ts";
import crypto from "./replacements/crypto.ts";

/** Options of {@link register}. */
export interface Registration extends Omit<Redirection, "replaces"> {
  /** Opens a device. */
  open(): Device;
  /** Returns this thread's device, the same one each time. */
  threadDevice(): Device;
}

/**
 * Loads everything that opening a device loads, before imports are redirected: loaders such as tsx hash the modules
 * that they load, and would open a device for it again.
 */
function loadAll(open: () => Device): void {
  try {
    open().close();
  } catch {
    // A program that uses the device gets this error then.
  }
}

/**
 * Switches the program over to the device: every `import` and `require` of node:crypto resolves to this package, also in
 * worker threads. `process.getBuiltinModule()` still returns the runtime's own.
 */
export function register({ open, threadDevice, ...redirection }: Registration): void {
  setThreadDevice(threadDevice);
  // Deno and Bun do not have such loaders, and Deno would stop and ask the user for a permission.
  if (!("Deno" in globalThis || "Bun" in globalThis)) loadAll(open);
  const url = new URL("./replacements/crypto.js", import.meta.url).href;
  redirect({ crypto: { url, required: crypto }, ...threads }, { ...redirection, replaces: "crypto" });
}
