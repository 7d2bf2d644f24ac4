import { Device } from "@cryptodev/core";
import { CIOCCRYPT, LP64, machineOf } from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";
import { KernelCrashError, SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";

const key = pattern(16, 5);
const iv = pattern(16, 9);

describe.each(["x86_64", "arm"])("Argument.expect() on %s", (arch) => {
  /** Starts a session, and prepares an operation over `source` whose result has `size` bytes. */
  function start(source: Uint8Array, size: number, options: SoftwareHostOptions = {}) {
    const host = new SoftwareHost({ ...options, machine: machineOf(arch) ?? LP64 });
    const session = Device.open(host).cipher("aes-128-cbc", key);
    const call = new Call(host, CIOCCRYPT);
    const { offset } = call;
    call.setUint32(offset.ses, session.id);
    call.setUint32(offset.len, source.length);
    call.point(offset.src, source);
    call.point(offset.iv, iv);
    call.expect(offset.dst, size);
    return { expected: session.encrypt(source.slice(), iv), call, send: () => host.ioctl(0, call.request, call) };
  }

  test.each([16, 64, 80, 4096, 100_000, 2 ** 21])("has the device create a result of %i bytes", (size) => {
    const { expected, call, send } = start(pattern(size), size);
    expect(call.result?.bytes).toBeUndefined();
    expect(send()).toBe(0);
    expect(call.result?.bytes).toHaveLength(size);
    expect([...(call.result?.bytes ?? [])].every((byte, index) => byte === expected[index])).toBe(true);
  });

  test("collects a result that the driver writes page by page", () => {
    const source = pattern(10_001).subarray(1);
    const { expected, call, send } = start(source, source.length, { alignmask: 15 });
    expect(send()).toBe(0);
    expect(call.result?.bytes).toEqual(expected);
  });

  test("does not create a result for a call that fails", () => {
    const { call, send } = start(pattern(16), 16);
    call.setUint16(call.offset.op, 7);
    expect(send()).toBeLessThan(0);
    expect(call.result?.bytes).toBeUndefined();
  });

  test("is the end of what the driver may write", () => {
    const { call, send } = start(pattern(32), 16);
    expect(send).toThrow(KernelCrashError);
    expect(call.result?.bytes).toBeUndefined();
  });
});
