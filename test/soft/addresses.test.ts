import { crypt_op, LP64, machineOf } from "@cryptodev/core/abi";
import { Argument } from "@cryptodev/core/host";
import { SoftwareHost } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";

describe.each(["x86_64", "arm"])("SoftwareHost.addressOf() on %s", (arch) => {
  const start = () => {
    const host = new SoftwareHost({ machine: machineOf(arch) ?? LP64 });
    const argument = new Argument(host, crypt_op);
    const { src, dst, mac, iv } = argument.offset;
    const addressAt = (offset: number) => argument.addresses[offset / host.machine.pointerSize] as number;
    return { argument, src, dst, mac, iv, addressAt };
  };

  test("keeps the distance between views of one buffer, and separates different buffers", () => {
    const { argument, src, dst, mac, addressAt } = start();
    const buffer = new ArrayBuffer(300);
    argument.point(src, new Uint8Array(buffer, 10, 20));
    argument.point(dst, new Uint8Array(buffer, 110, 20));
    argument.point(mac, new Uint8Array(300));
    expect(addressAt(dst) - addressAt(src)).toBe(100);
    expect(Math.abs(addressAt(mac) - addressAt(src))).toBeGreaterThan(2 ** 20);
    expect(addressAt(src) % 4096).toBe(10);
  });

  test("does not reuse a region while a pointer still uses it", () => {
    const { argument, src, dst, iv, addressAt } = start();
    const shared = pattern(64);
    argument.point(src, shared);
    argument.point(dst, shared);
    const address = addressAt(dst);
    argument.point(src, pattern(64));
    argument.point(iv, pattern(16));
    expect(addressAt(dst)).toBe(address);
    expect(new Set([src, dst, iv].map(addressAt)).size).toBe(3);
  });

  test("reuses regions, so a million buffers do not use up the address space", () => {
    const { argument, src, dst, addressAt } = start();
    argument.point(src, pattern(16));
    argument.point(dst, pattern(16));
    const highest = Math.max(addressAt(src), addressAt(dst));
    for (let round = 0; round < 1_000_000; round += 1) argument.point(round % 2 === 0 ? src : dst, new Uint8Array(16));
    expect(Math.max(addressAt(src), addressAt(dst))).toBeLessThanOrEqual(highest * 2);
  });
});
