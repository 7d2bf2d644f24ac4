/**
 * A replacement for node:crypto whose ciphers, hashes and HMACs run on the device.
 *
 * @module cryptodev/crypto
 */
import { setThreadDevice } from "@cryptodev/node-crypto/default-device";
import { threadDevice } from "./thread_device.ts";

export * from "@cryptodev/node-crypto";
export { default } from "@cryptodev/node-crypto";

setThreadDevice(threadDevice);
