import { Device, errnos, type Submitter } from "@cryptodev/core";
import { beforeEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { detach, resizable } from "../memory.ts";
import { RecordingHost } from "../recording_host.ts";

/*
 * Operations over the same memory as the one before skip most checks. Whatever else can change between two of them still
 * has to count.
 */

const key = pattern(16);

let host: RecordingHost;
let device: Device;
beforeEach(() => {
  host = new RecordingHost();
  device = Device.open(host, undefined, { chunkSize: 64 });
});

describe("an operation over the memory of the one before", () => {
  test("is over what is in that memory now, in the direction that was asked for", () => {
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

  test("takes another iv, and goes on without one", () => {
    const aes = device.cipher("aes-cbc", key);
    const [source, destination] = [pattern(32), new Uint8Array(32)];
    aes.encryptInto(source, destination, pattern(16, 1));
    aes.encryptInto(source, destination, pattern(16, 2));
    const other = device.cipher("aes-cbc", key);
    expect(toHex(destination)).toBe(toHex(other.encrypt(source, pattern(16, 2))));
    aes.encryptInto(source, destination);
    expect(toHex(destination)).toBe(toHex(other.encrypt(source)));
  });

  test("after one over a part of a block, the next needs an iv again", () => {
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

  test("after a refused one, the next needs an iv again", () => {
    const aes = device.cipher("aes-cbc", key);
    const [memory, iv] = [pattern(16), pattern(16)];
    aes.encryptInto(memory, memory, iv);
    host.answers.push(-errnos.ENOMEM);
    expect(() => aes.encryptInto(memory, memory, iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(() => aes.encryptInto(memory, memory)).toThrow(TypeError);
    // The same where the one before went on without an iv.
    aes.encryptInto(memory, memory, iv);
    aes.encryptInto(memory, memory);
    host.answers.push(-errnos.ENOMEM);
    expect(() => aes.encryptInto(memory, memory)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(() => aes.encryptInto(memory, memory)).toThrow(TypeError);
  });

  test.each(["source", "destination", "iv"])("is refused once its %s was detached", (role) => {
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
  ] as const)("is refused once its %s %s", (role, _change, size, message) => {
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

  test("is nothing that a closed session does", () => {
    const aes = device.cipher("aes-cbc", key);
    const [memory, iv] = [pattern(16), pattern(16)];
    aes.encryptInto(memory, memory, iv);
    aes.close();
    expect(() => aes.encryptInto(memory, memory, iv)).toThrow(expect.objectContaining({ name: "ClosedError" }));
  });
});

test("data in chunks leaves no iv in the session that an operation could go on from", () => {
  const aes = device.cipher("aes-cbc", key);
  aes.encrypt(pattern(16), pattern(16));
  aes.encryptor(pattern(16)).update(pattern(32));
  expect(() => aes.encrypt(pattern(16))).toThrow(TypeError);
});

test("a combined session asks for an iv first, after a part of a block, and after what was refused", () => {
  const session = device.combined("aes-ctr", key, "sha1");
  expect(() => session.encrypt(pattern(16))).toThrow(/^iv for aes-ctr: expected 16 bytes, got none/);
  session.encrypt(pattern(20), pattern(16));
  expect(() => session.encrypt(pattern(16))).toThrow(TypeError);
  session.encrypt(pattern(16), pattern(16));
  host.answers.push(-errnos.ENOMEM);
  expect(() => session.encrypt(pattern(16))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
  expect(() => session.encrypt(pattern(16))).toThrow(TypeError);
});

/** The lengths of what was sent since, and whether a mac was asked for. */
const sent = (since: number) =>
  host.calls.slice(since).map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return [view.getUint32(8, true), view.getBigUint64(32, true) !== 0n];
  });

describe("what is longer than the chunk size", () => {
  const parts = (size: number, asksForMac: boolean) => {
    const lengths = Array.from({ length: Math.ceil(size / 64) }, (_, index) => Math.min(64, size - index * 64));
    return lengths.map((length, index) => [length, asksForMac && index === lengths.length - 1]);
  };

  test.each([64, 65, 128, 200])("%i bytes go to the kernel in no more calls than it takes", (size) => {
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
  ])("a message of %i bytes ends with a whole chunk", (size, lengths) => {
    const sha = device.hash("sha256");
    const before = host.calls.length;
    const digest = sha.digest(pattern(size));
    expect(sent(before)).toEqual(lengths.map((length, index) => [length, index === lengths.length - 1]));
    expect(digest).toEqual(device.hash("sha256").update(pattern(size)).digest());
  });

  test("data in chunks goes on from the last of these calls", () => {
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

  test("counts as what it is in the statistics", async () => {
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

  test("sectors of XTS do not, and say so", () => {
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
