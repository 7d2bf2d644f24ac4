/**
 * A replacement for node:crypto whose ciphers, hashes and HMACs run on the device.
 *
 * @module cryptodev/crypto
 */
import { openDefaultWith } from "@cryptodev/node-crypto/default-device";
import { open } from "./index.ts";

export * from "@cryptodev/node-crypto";
export { default } from "@cryptodev/node-crypto";

openDefaultWith(open);
