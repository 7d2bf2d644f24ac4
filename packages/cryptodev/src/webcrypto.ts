/**
 * WebCrypto on the device: AES, HMAC and digests of `crypto.subtle`, with keys that are the runtime's own `CryptoKey`
 * objects.
 *
 * @module cryptodev/webcrypto
 */
import { isMainThread } from "node:worker_threads";
import { UnsupportedError } from "@cryptodev/core";
import { environmentVariable } from "@cryptodev/core/host";
import { type PlatformCrypto, type PlatformSubtle, subtleOf } from "@cryptodev/webcrypto";
import type { AsyncDevice } from "./async/device.ts";
import { openAsync } from "./index.ts";
import { threadDevice } from "./thread_device.ts";

export * from "@cryptodev/webcrypto";

/**
 * Opens the device for large data. It does not keep the process alive.
 *
 * @returns `undefined` in a worker thread, whose end would leave the descriptors of its own threads open, and if threads
 * cannot be started
 */
async function threads(): Promise<AsyncDevice | undefined> {
  if (!isMainThread) return undefined;
  try {
    return await openAsync();
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

/**
 * WebCrypto's `subtle` over devices that `open()` and, for large data, `openAsync()` open on first use: see
 * {@link subtleOf}. With `CRYPTODEV_FALLBACK=1` in the environment, the runtime's own `subtle` takes over what the device
 * does not support.
 */
export const subtle: PlatformSubtle = subtleOf(threadDevice, {
  fallback: environmentVariable("CRYPTODEV_FALLBACK") === "1",
  threads,
});

/** The members of {@link crypto}. */
export type DeviceCrypto = Pick<PlatformCrypto, keyof PlatformCrypto & ("getRandomValues" | "randomUUID" | "subtle")>;

const { crypto: runtimes } = globalThis;

/**
 * WebCrypto's `crypto`: {@link subtle}, and the runtime's own `getRandomValues()` and `randomUUID()`. It is an instance of
 * `Crypto`.
 *
 * @example
 * ```ts
 * import { crypto } from "cryptodev/webcrypto";
 *
 * console.log(crypto.randomUUID().length); // 36
 * ```
 */
export const crypto: DeviceCrypto = Object.create(Object.getPrototypeOf(runtimes), {
  subtle: { value: subtle, enumerable: true },
  getRandomValues: { value: runtimes.getRandomValues.bind(runtimes), enumerable: true },
  randomUUID: { value: runtimes.randomUUID.bind(runtimes), enumerable: true },
});
