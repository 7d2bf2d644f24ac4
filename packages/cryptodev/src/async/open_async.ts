import type { AsyncDevice, AsyncOpenOptions } from "./device.ts";

/**
 * Opens the device so that its operations do not block the event loop: by the driver itself or in worker threads. The same
 * in Node.js, Deno and Bun.
 *
 * @throws as `open`, by rejection
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const sha = await device.hash("sha256");
 * const digests = await Promise.all([sha.digest(new Uint8Array(1000)), sha.digest(new Uint8Array(2000))]);
 * console.log(digests.length); // 2
 * await device.close();
 * ```
 */
export async function openAsync(options: AsyncOpenOptions = {}): Promise<AsyncDevice> {
  // By its own name: that is the file of the runtime at hand, which imports this one. What nobody asks for is not loaded.
  const [{ open }, { openAsyncWith }] = await Promise.all([import("cryptodev"), import("./device.ts")]);
  return openAsyncWith(open, options);
}
