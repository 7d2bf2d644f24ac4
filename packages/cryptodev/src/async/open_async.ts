import { UnsupportedError } from "@cryptodev/core";
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
export async function openAsync(options?: AsyncOpenOptions): Promise<AsyncDevice> {
  // By its own name: that is the file of the runtime at hand, which imports this one. What nobody asks for is not loaded.
  const { open, runtime } = await import("cryptodev");
  const threads: typeof import("./device.ts") | undefined = await import("./device.ts");
  // Rollup can inline what is imported behind a top-level await that waits for this call.
  if (threads === undefined) {
    const remedy = 'bundle it for Node.js, without the export condition "browser", or do not inline dynamic imports';
    throw new UnsupportedError("the bundler put the code of threads behind a top-level await that waits for it", {
      remedy,
    });
  }
  return threads.openAsyncWith(open, runtime, options);
}
