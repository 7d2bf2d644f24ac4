import type { Device } from "@cryptodev/core";
import { test as base } from "vitest";

/** A test that receives a device of its own, which is closed when the test ends: `({ device }) => …`. */
export const testOn = (backend: { open(): Device }) =>
  base.extend("device", ({ onTestFinished }) => {
    const device = backend.open();
    onTestFinished(() => device.close());
    return device;
  });
