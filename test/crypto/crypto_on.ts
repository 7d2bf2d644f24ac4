import type { Device } from "@cryptodev/core";
import { cryptoOf, type NodeCrypto } from "cryptodev/crypto";
import { afterAll } from "vitest";

/** Returns node:crypto over a device that is closed after the tests of the group. */
export function cryptoOn(device: Device): NodeCrypto {
  afterAll(() => device.close());
  return cryptoOf(device);
}
