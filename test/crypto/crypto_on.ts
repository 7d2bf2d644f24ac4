import type { Device } from "@cryptodev/core";
import { cryptoOf, type NodeCrypto } from "cryptodev/crypto";
import { afterAll } from "vitest";

/** Gives node:crypto over a device that is closed when the tests of the group are done. */
export function cryptoOn(device: Device): NodeCrypto {
  afterAll(() => device.close());
  return cryptoOf(device);
}
