/**
 * The interface of WebCrypto on the device: AES, HMAC and digests. Programs import `cryptodev/webcrypto`, which also
 * opens the device.
 *
 * @module @cryptodev/webcrypto
 */
export type { PlatformCrypto, PlatformSubtle } from "./platform.ts";
export type { ThreadedDevice, ThreadedSession } from "./sessions.ts";
export { type SubtleOptions, subtleOf } from "./subtle_of.ts";
