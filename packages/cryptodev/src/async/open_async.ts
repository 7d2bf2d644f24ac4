import { UnsupportedError } from "@cryptodev/core";
import { current } from "#runtime";
import { openIn } from "../open.ts";
import type { AsyncDevice, AsyncOpenOptions } from "./device.ts";

/**
 * Opens the device for operations that do not block the event loop: worker threads run them, as many as sessions need
 * and at most {@link AsyncOpenOptions.workers}. It works alike in Node.js, Deno and Bun.
 *
 * @returns the open device; every error of `open` rejects the promise
 * @throws {RangeError} if `workers` is not an integer from 1 to 256
 * @throws {UnsupportedError} if worker threads cannot be started
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
  const threads: Awaited<ReturnType<typeof current.loadAsync>> | undefined = await current.loadAsync();
  // Rollup may inline the imported code after a top-level await that waits for this call.
  if (threads === undefined) {
    const remedy = 'bundle it for Node.js, without the export condition "browser", or do not inline dynamic imports';
    throw new UnsupportedError(
      "threads",
      "the bundler put the code of threads behind a top-level await that waits for it",
      {
        remedy,
      },
    );
  }
  return threads.openAsyncWith((given) => openIn(current, given), current.name, options);
}
