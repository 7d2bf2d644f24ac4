import { Device, errnos, type Submitter } from "@cryptodev/core";
import { beforeEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { detach, resizable } from "../memory.ts";
import { RecordingHost } from "../recording_host.ts";

/*
 * Operations over the same memory as the previous one skip most checks. Everything else that can change between the two
 * still has to count.
 */

const key = pattern(16);

let host: RecordingHost;
let device: Device;
beforeEach(() => {
  host = new RecordingHost();
  device = Device.open(host, undefined, { chunkSize: 64 });
});

describe("an operation over the memory of the previous one", () => {
  test("uses the current content, in the requested direction", () => {
    const aes = device.cipher("aes-cbc", key);
    const fresh = () => device.cipher("aes-cbc", key);
    const [memory, iv] = [pattern(32), pattern(16, 9)];
    aes.encryptInto(memory, memory, iv);
    const once = memory.slice();
    aes.encryptInto(memory, memory, iv);
    expect(toHex(memory)).toBe(toHex(fresh().encrypt(once, iv)));
    iv.fill(7);
    const twice = memory.slice();
    expect(aes.decryptInto(memory, memory, iv)).toBe(32);
    expect(toHex(memory)).toBe(toHex(fresh().decrypt(twice, iv)));
  });

  test("accepts another iv, and continues if it is omitted", () => {
    const aes = device.cipher("aes-cbc", key);
    const [source, destination] = [pattern(32), new Uint8Array(32)];
    aes.encryptInto(source, destination, pattern(16, 1));
    aes.encryptInto(source, destination, pattern(16, 2));
    const other = device.cipher("aes-cbc", key);
    expect(toHex(destination)).toBe(toHex(other.encrypt(source, pattern(16, 2))));
    aes.encryptInto(source, destination);
    expect(toHex(destination)).toBe(toHex(other.encrypt(source)));
  });

  test("requires an iv if the previous one ended within a block", () => {
    const ctr = device.cipher("aes-ctr", key);
    const [memory, iv] = [pattern(20), pattern(16)];
    ctr.encryptInto(memory, memory, iv);
    ctr.encryptInto(memory, memory, iv);
    expect(() => ctr.encryptInto(memory, memory)).toThrow(TypeError);
    const whole = memory.subarray(0, 16);
    ctr.encryptInto(whole, whole, iv);
    ctr.encryptInto(whole, whole, iv);
    expect(ctr.encryptInto(whole, whole)).toBe(16);
  });

  test("requires an iv if the previous one was refused", () => {
    const aes = device.cipher("aes-cbc", key);
    const [memory, iv] = [pattern(16), pattern(16)];
    aes.encryptInto(memory, memory, iv);
    host.answers.push(-errnos.ENOMEM);
    expect(() => aes.encryptInto(memory, memory, iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(() => aes.encryptInto(memory, memory)).toThrow(TypeError);
    // The same if the previous one continued without an iv.
    aes.encryptInto(memory, memory, iv);
    aes.encryptInto(memory, memory);
    host.answers.push(-errnos.ENOMEM);
    expect(() => aes.encryptInto(memory, memory)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(() => aes.encryptInto(memory, memory)).toThrow(TypeError);
  });

  test.each(["source", "destination", "iv"])("is refused if its %s was detached", (role) => {
    const memory = { source: pattern(32), destination: pattern(32), iv: pattern(16) };
    const aes = device.cipher("aes-cbc", key);
    const encrypt = () => aes.encryptInto(memory.source, memory.destination, memory.iv);
    encrypt();
    encrypt();
    detach(memory[role as "iv"]);
    const before = host.calls.length;
    expect(encrypt).toThrow(new RegExp(`^${role} for aes-cbc: its memory is gone`));
    expect(host.calls).toHaveLength(before);
  });

  test.each([
    ["source", "grew", 48, /^destination for aes-ctr: expected at least 48 bytes, got 32$/],
    ["destination", "shrank", 16, /^destination for aes-ctr: expected at least 32 bytes, got 16$/],
    ["iv", "shrank", 8, /^iv for aes-ctr: expected 16 bytes, got 8$/],
    ["iv", "grew", 17, /^iv for aes-ctr: expected 16 bytes, got 17$/],
  ] as const)("is refused if its %s %s", (role, _change, size, message) => {
    const memory: Record<string, Uint8Array> = { source: pattern(32), destination: pattern(32), iv: pattern(16) };
    const buffer = resizable((memory[role] as Uint8Array).length, 64);
    memory[role] = new Uint8Array(buffer);
    const ctr = device.cipher("aes-ctr", key);
    const encrypt = () =>
      ctr.encryptInto(memory.source as Uint8Array, memory.destination as Uint8Array, memory.iv as Uint8Array);
    encrypt();
    buffer.resize(size);
    expect(encrypt).toThrow(message);
  });

  test("is refused if the session was closed", () => {
    const aes = device.cipher("aes-cbc", key);
    const [memory, iv] = [pattern(16), pattern(16)];
    aes.encryptInto(memory, memory, iv);
    aes.close();
    expect(() => aes.encryptInto(memory, memory, iv)).toThrow(expect.objectContaining({ name: "ClosedError" }));
  });
});

test("chunks leave no iv in the session from which an operation could continue", () => {
  const aes = device.cipher("aes-cbc", key);
  aes.encrypt(pattern(16), pattern(16));
  aes.encryptor(pattern(16)).update(pattern(32));
  expect(() => aes.encrypt(pattern(16))).toThrow(TypeError);
});

test("a combined session requires an iv at first, after a partial block, and after a refused operation", () => {
  const session = device.combined("aes-ctr", key, "sha1");
  expect(() => session.encrypt(pattern(16))).toThrow(/^iv for aes-ctr: expected 16 bytes, got none/);
  session.encrypt(pattern(20), pattern(16));
  expect(() => session.encrypt(pattern(16))).toThrow(TypeError);
  session.encrypt(pattern(16), pattern(16));
  host.answers.push(-errnos.ENOMEM);
  expect(() => session.encrypt(pattern(16))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
  expect(() => session.encrypt(pattern(16))).toThrow(TypeError);
});

/** The lengths that were sent since then, and whether each call requested a mac. */
const sent = (since: number) =>
  host.calls.slice(since).map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return [view.getUint32(8, true), view.getBigUint64(32, true) !== 0n];
  });

describe("data longer than chunkSize", () => {
  const parts = (size: number, asksForMac: boolean) => {
    const lengths = Array.from({ length: Math.ceil(size / 64) }, (_, index) => Math.min(64, size - index * 64));
    return lengths.map((length, index) => [length, asksForMac && index === lengths.length - 1]);
  };

  test.each([64, 65, 128, 200])("goes to the kernel in as few calls as possible: %i bytes", (size) => {
    const sessions = [
      [device.cipher("aes-ctr", key), false],
      [device.combined("aes-ctr", key, "sha1"), true],
    ] as const;
    for (const [session, asksForMac] of sessions) {
      const before = host.calls.length;
      session.encrypt(pattern(size), pattern(16));
      expect(sent(before)).toEqual(parts(size, asksForMac));
    }
  });

  test.each([
    [64, [64]],
    [65, [1, 64]],
    [128, [64, 64]],
    [200, [64, 64, 8, 64]],
  ])("ends with a whole chunk if it is hashed: %i bytes", (size, lengths) => {
    const sha = device.hash("sha256");
    const before = host.calls.length;
    const digest = sha.digest(pattern(size));
    expect(sent(before)).toEqual(lengths.map((length, index) => [length, index === lengths.length - 1]));
    expect(digest).toEqual(device.hash("sha256").update(pattern(size)).digest());
  });

  test("continues in an encryptor from the last of these calls", () => {
    const data = pattern(400);
    for (const name of ["aes-cbc", "aes-ctr"] as const) {
      const encryptor = device.cipher(name, key).encryptor(pattern(16));
      const result = [0, 200, 400].map((end, index) =>
        index === 0 ? "" : toHex(encryptor.update(data.slice(end - 200, end))),
      );
      const whole = Device.open(new RecordingHost()).cipher(name, key).encrypt(data, pattern(16));
      expect(result.join("") + toHex(encryptor.final())).toBe(toHex(whole));
    }
  });

  test("counts as several operations in the statistics", async () => {
    const counting = Device.open(new RecordingHost({ async: true }), undefined, { chunkSize: 64, statistics: true });
    const combined = counting.combined("aes-ctr", key, "sha1");
    combined.encrypt(pattern(200), pattern(16));
    expect(combined.statistics).toMatchObject({ operations: 4, bytes: 200, biggest: 64 });
    const sha = counting.hash("sha1");
    const submitter = counting.submitter(() => new Promise((resolve) => setTimeout(resolve, 1))) as Submitter;
    await sha.digestAsync(submitter, pattern(200));
    expect(sha.statistics).toMatchObject({ operations: 4, bytes: 200, biggest: 64 });
    counting.close();
  });

  test("is refused for XTS", () => {
    const [xts, combined] = [device.cipher("aes-xts", pattern(32)), device.combined("aes-xts", pattern(32), "sha1")];
    for (const session of [xts, combined]) {
      session.encrypt(pattern(64), pattern(16));
      expect(() => session.encrypt(pattern(80), pattern(16))).toThrow(
        new RangeError(
          "source for aes-xts: 80 bytes cannot be worked on in parts, as each sector has an iv of its own",
        ),
      );
    }
    expect(() => xts.encryptor(pattern(16))).toThrow(/^source for aes-xts: data in chunks cannot/);
  });
});
