import { existsSync, statSync } from "node:fs";
import process from "node:process";
import { Device } from "@cryptodev/core";
import { expect, test } from "vitest";
import { patience, realHost } from "../runtime.ts";
import { canServeCharacterDevice, ServedDevice } from "../software.ts";

const host = await realHost();

test.runIf(canServeCharacterDevice).each(["SIGTERM", "SIGKILL"] as const)(
  "cryptodev serve --transport cuse creates a character device for every user, and removes it after %s",
  async (signal) => {
    const path = `/dev/crypto-test-${process.pid}-${signal.toLowerCase()}`;
    const served = await ServedDevice.start(path, ["--transport", "cuse"]);
    const stats = statSync(path);
    expect(stats.isCharacterDevice()).toBe(true);
    expect(stats.mode & 0o777).toBe(0o666);
    const device = Device.open(host, { path });
    expect(device.hash("sha1").digest(new Uint8Array()).length).toBe(20);
    device.close();
    await served.stop(signal);
    await expect.poll(() => existsSync(path), patience).toBe(false);
  },
);
