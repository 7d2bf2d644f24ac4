import { environmentVariable } from "@cryptodev/core/host";
import { cryptoFrom, type NodeCrypto } from "./crypto_of.ts";
import { defaultDevice } from "./default_device.ts";

/** The environment variable that lets node:crypto take over what the device does not support. */
const FALLBACK_VARIABLE = "CRYPTODEV_FALLBACK";

/**
 * Everything that node:crypto has in this runtime, over a device that `open()` opens on first use. With
 * `CRYPTODEV_FALLBACK=1` in the environment, node:crypto takes over what the device does not support; otherwise that
 * throws.
 */
export const crypto: NodeCrypto = cryptoFrom(defaultDevice, environmentVariable(FALLBACK_VARIABLE) === "1");
