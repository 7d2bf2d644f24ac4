import { ClosedError, Device, type Session } from "@cryptodev/core";
import { CIOCFSESSION, LP64, requestNumber } from "@cryptodev/core/abi";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { RecordingHost } from "../recording_host.ts";
import { collectUntil } from "../runtime.ts";

const key = pattern(16);
const finish = requestNumber(CIOCFSESSION, LP64);
const finished = (host: RecordingHost) => host.calls.filter(({ request }) => request === finish).length;

describe("Device.clone()", () => {
  test("returns a device that sees the sessions of its file, is closed on exec, and outlives the original", () => {
    const host = new RecordingHost();
    const device = Device.open(host);
    const clone = device.clone();
    // FIOCLEX of asm-generic/ioctls.h.
    expect(host.calls.map(({ request }) => request)).toContain(0x5451);
    device.close();
    expect(clone.closed).toBe(false);
    expect(clone.cipher("aes-cbc", key).encrypt(pattern(16), pattern(16))).toHaveLength(16);
    clone.close();
    expect(host.closed).toHaveLength(2);
  });

  test("closes the clone at once if it cannot be closed on exec", () => {
    const host = new RecordingHost();
    const device = Device.open(host);
    const ioctl = host.ioctl.bind(host);
    host.ioctl = (fd, request, argument) => (request === 0x5451 ? -12 : ioctl(fd, request, argument));
    expect(() => device.clone()).toThrow(expect.objectContaining({ code: "ENOMEM", ioctl: "FIOCLEX" }));
    expect(host.closed).toHaveLength(1);
  });

  test("returns a device whose closing does not affect the sessions of the original", () => {
    const host = new RecordingHost();
    const device = Device.open(host);
    const aes = device.cipher("aes-cbc", key);
    device.clone().close();
    expect(finished(host)).toBe(0);
    expect(aes.encrypt(pattern(16), pattern(16))).toHaveLength(16);
  });
});

test("Device.close() ends each of its open sessions once, and closes its file once", () => {
  const host = new RecordingHost();
  const device = Device.open(host);
  device.cipher("aes-cbc", key).close();
  device.hash("sha1");
  device.hmac("sha1", key);
  device[Symbol.dispose]();
  expect(finished(host)).toBe(3);
  expect(host.closed).toHaveLength(1);
});

test("Session.id is the number from the kernel, and Session.close() ends the session of that number", () => {
  const host = new RecordingHost();
  const device = Device.open(host);
  const [one, other] = [device.hash("sha1"), device.hash("sha1")];
  expect(one.id).not.toBe(other.id);
  one.close();
  const [{ bytes }] = host.calls.slice(-1) as [(typeof host.calls)[number]];
  expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(one.id);
  device.close();
});

describe("garbage collection of a device or session without close()", () => {
  test("ends a session, with one warning", async () => {
    const host = new RecordingHost();
    const device = Device.open(host);
    (() => device.cipher("aes-cbc", key))();
    await collectUntil(() => host.warnings.length > 0);
    expect(host.warnings).toEqual([
      "a session of aes-cbc on /dev/crypto was dropped without close(); the device held it until now",
    ]);
    expect(finished(host)).toBe(1);
    device.close();
    expect(finished(host)).toBe(1);
  });

  test("closes a device, with a warning", async () => {
    const host = new RecordingHost();
    (() => Device.open(host))();
    await collectUntil(() => host.warnings.length > 0);
    expect(host.warnings).toEqual([
      "a device (/dev/crypto) was dropped without close(); its descriptor was held until now",
    ]);
    expect(host.closed).toHaveLength(1);
  });

  test("spares a device as long as one of its sessions is used", async () => {
    const host = new RecordingHost();
    const aes = (() => Device.open(host).cipher("aes-cbc", key))();
    await collectUntil(() => host.warnings.length > 0, 10);
    expect(host.warnings).toEqual([]);
    expect(host.closed).toEqual([]);
    expect(aes.encrypt(pattern(16), pattern(16))).toHaveLength(16);
    aes.close();
  });

  test("ignores what was closed: no warning, and no call for a number that may belong to another session by now", async () => {
    const host = new RecordingHost();
    (() => {
      const device = Device.open(host);
      device.cipher("aes-cbc", key).close();
      device.hash("sha1");
      device.close();
    })();
    const before = host.calls.length;
    await collectUntil(() => host.warnings.length > 0, 10);
    expect(host.warnings).toEqual([]);
    expect(host.calls.length).toBe(before);
    expect(host.closed).toHaveLength(1);
  });
});

describe("the finalizer of a device", () => {
  test("does not throw if it meets an error, and still closes the device", async () => {
    const host = new RecordingHost();
    host.warn = () => {
      throw new Error("nowhere to warn");
    };
    (() => Device.open(host).hash("sha1"))();
    await collectUntil(() => host.closed.length > 0);
    expect(host.closed).toHaveLength(1);

    const failing = new RecordingHost();
    failing.close = () => -5;
    (() => Device.open(failing))();
    await collectUntil(() => failing.warnings.length > 0);
    expect(failing.warnings).toHaveLength(1);
  });
});

test("Device.close() ends every session, even if the host throws an error for one", () => {
  const host = new RecordingHost();
  const device = Device.open(host);
  const sessions = [1, 2, 3].map(() => device.hash("sha1"));
  const ioctl = host.ioctl.bind(host);
  let left = 1;
  host.ioctl = (...call) => {
    if (left-- > 0) throw new Error("the host failed");
    return ioctl(...call);
  };
  expect(() => device.close()).toThrow("the host failed");
  expect(sessions.map(({ closed }) => closed)).toEqual([true, true, true]);
  expect(host.closed).toHaveLength(1);
  const { length } = host.calls;
  for (const session of sessions) expect(() => session.digest(pattern(1))).toThrow(ClosedError);
  expect(host.calls).toHaveLength(length);
  device.close();
  expect(host.closed).toHaveLength(1);
});

test("Device.close() throws the error of close(2) once, and the device is closed", () => {
  const host = new RecordingHost();
  const device = Device.open(host);
  host.close = () => -5;
  expect(() => device.close()).toThrow(expect.objectContaining({ code: "EIO", syscall: "close" }));
  expect(device.closed).toBe(true);
  expect(() => device.close()).not.toThrow();
});

test.each([
  ["session", "aes-cbc"],
  ["device", "aes-cbc"],
  ["session", "aes-gcm"],
  ["device", "aes-gcm"],
] as const)("closing a %s releases the buffers of its session: %s", async (which, name) => {
  const device = Device.open(new RecordingHost());
  const cipher = name === "aes-cbc" ? device.cipher(name, key) : undefined;
  const gcm = name === "aes-gcm" ? device.aead(name, key) : undefined;
  const session = (cipher ?? gcm) as Session;
  let collected = false;
  const registry = new FinalizationRegistry<undefined>(() => {
    collected = true;
  });
  (() => {
    const source = pattern(4096);
    registry.register(source, undefined);
    cipher?.encrypt(source, pattern(16));
    gcm?.seal(source, { nonce: pattern(12) });
  })();
  (which === "session" ? session : device).close();
  await collectUntil(() => collected);
  expect(collected).toBe(true);
  expect(session.closed).toBe(true);
  device.close();
});
