/**
 * Access to the Linux kernel's cryptography, `/dev/crypto`, in Node.js, Deno and Bun: devices and their sessions.
 *
 * @module cryptodev
 */

import type { Device } from "@cryptodev/core";
import { current } from "#runtime";
import { type OpenOptions, openIn } from "./open.ts";

export * from "@cryptodev/core";
export type { AsyncDevice, AsyncOpenOptions } from "./async/device.ts";
export type { AbortSignalLike, AsyncOptions } from "./async/executor.ts";
export { openAsync } from "./async/open_async.ts";
export type { AsyncAead, AsyncAeadMessage } from "./async/sessions/aead.ts";
export type {
  AsyncChunkArguments,
  AsyncCipher,
  AsyncCipherChunks,
  AsyncCipherOf,
  AsyncIvOf,
} from "./async/sessions/cipher.ts";
export type { AsyncCipherWithMac } from "./async/sessions/cipher_with_mac.ts";
export type { AsyncHash, AsyncHmac, AsyncMessageSession } from "./async/sessions/hash.ts";
export type { AsyncSession } from "./async/sessions/session.ts";
export type { AsyncSrtpCipher, AsyncSrtpMessage } from "./async/sessions/srtp.ts";
export type { AsyncTlsCipher, AsyncTlsMessage } from "./async/sessions/tls.ts";
export type { Backend, OpenOptions } from "./open.ts";
export { type ByteTransform, type Chunks, cipherStream, type Digest, hashStream } from "./streams.ts";

/** The runtime's name and version, such as `Node.js 24.1.0`. */
export const runtime: string = current.name;

/**
 * Opens the device: the kernel's `/dev/crypto`, unless an option or the environment selects another one.
 *
 * With `"auto"`, if a device exists but this program cannot use it, a `CryptodevWarning` is emitted once, and the
 * software device is used.
 *
 * @returns the open device
 * @throws {CryptodevError} if the kernel refuses; the message says what to do about it
 * @throws {UnsupportedError} if this system cannot reach a kernel's device
 * @throws {RangeError} if the backend is unknown
 * @throws {TypeError} if an option has the wrong type
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * console.log(device.backend); // kernel, or software
 * device.close();
 * ```
 * @example Only hardware, and a trace of every system call
 * ```ts
 * import { HardwareRequiredError, open } from "cryptodev";
 *
 * const device = open({ backend: "auto", hardware: "require", trace: (line) => line.length });
 * try {
 *   device.cipher("aes-cbc", new Uint8Array(16));
 * } catch (error) {
 *   console.log(error instanceof HardwareRequiredError);
 * }
 * device.close();
 * ```
 */
export function open(options?: OpenOptions): Device {
  return openIn(current, options);
}
