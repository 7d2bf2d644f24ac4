import { type Cipher, Device, type Submitter } from "@cryptodev/core";
import { errnos } from "@cryptodev/core/abi";
import { beforeEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { detach, resizable } from "../memory.ts";
import { RecordingHost } from "../recording_host.ts";

/*
 * Operations over the same memory as the previous one skip most checks. Everything else that can change between the two
 * still has to count.
 */

const key = pattern(16);

/** The iv of a program without types. */
const none = [] as unknown as [Uint8Array];
const missing = (name: string) => new TypeError(`iv for ${name}: expected 16 bytes, got none`);

let host: RecordingHost;
let device: Device;
beforeEach(() => {
  host = new RecordingHost();
  device = Device.open(host, { chunkSize: 64 });
});

describe("an operation of a cipher over the memory of the previous one", () => {
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

  test("accepts another iv, and never continues from the previous one", () => {
    const aes = device.cipher("aes-cbc", key);
    const [source, destination] = [pattern(32), new Uint8Array(32)];
    aes.encryptInto(source, destination, pattern(16, 1));
    aes.encryptInto(source, destination, pattern(16, 2));
    const other = device.cipher("aes-cbc", key);
    expect(toHex(destination)).toBe(toHex(other.encrypt(source, pattern(16, 2))));
    const encrypt = () => aes.encryptInto(source, destination, ...none);
    const before = host.calls.length;
    for (let times = 0; times < 3; times += 1) expect(encrypt).toThrow(missing("aes-cbc"));
    expect(host.calls).toHaveLength(before);
    expect(toHex(destination)).toBe(toHex(other.encrypt(source, pattern(16, 2))));
    // The encryptor is what continues.
    const encryptor = device.cipher("aes-cbc", key).encryptor(pattern(16, 1));
    const parts = [encryptor.update(source), encryptor.update(source), encryptor.final()].map(toHex);
    const twice = new Uint8Array([...source, ...source]);
    expect(parts.join("")).toBe(toHex(other.encrypt(twice, pattern(16, 1))));
  });

  test("requires an iv also if the previous one ended with a whole block, within a block, or was refused", () => {
    for (const [name, size] of [
      ["aes-ctr", 20],
      ["aes-ctr", 16],
      ["aes-cbc", 16],
    ] as const) {
      const cipher = device.cipher(name, key);
      const [memory, iv] = [pattern(size), pattern(16)];
      for (let times = 0; times < 2; times += 1) cipher.encryptInto(memory, memory, iv);
      expect(() => cipher.encryptInto(memory, memory, ...none)).toThrow(missing(name));
      host.answers.push(-errnos.ENOMEM);
      expect(() => cipher.encryptInto(memory, memory, iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
      expect(() => cipher.encryptInto(memory, memory, ...none)).toThrow(missing(name));
      expect(cipher.encryptInto(memory, memory, iv)).toBe(size);
    }
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

describe("Hash.digestInto()", () => {
  const digestOf = (data: Uint8Array) => toHex(Device.open(new RecordingHost()).hash("sha1").digest(data));

  test("ends a message, with its last part or without one, after messages over the same memory", () => {
    const sha = device.hash("sha1");
    const [digest, data] = [new Uint8Array(20), pattern(40)];
    for (let times = 0; times < 3; times += 1) sha.digestInto(digest, data);
    sha.update(pattern(10));
    expect(sha.digestInto(digest)).toBe(20);
    expect(toHex(digest)).toBe(digestOf(pattern(10)));
    for (let times = 0; times < 3; times += 1) {
      sha.update(pattern(10));
      sha.digestInto(digest, data);
      expect(toHex(digest)).toBe(digestOf(new Uint8Array([...pattern(10), ...data])));
      sha.digestInto(digest, data);
      expect(toHex(digest)).toBe(digestOf(data));
    }
    expect(sha.digestInto(digest)).toBe(20);
    expect(toHex(digest)).toBe(digestOf(new Uint8Array()));
  });

  test.each([63, 64, 65, 128])("returns the same each time for %i bytes, with a chunk size of 64", (size) => {
    const sha = device.hash("sha1");
    const [digest, data] = [new Uint8Array(20), pattern(size)];
    for (let times = 0; times < 4; times += 1) {
      digest.fill(0);
      sha.digestInto(digest, data);
      expect(toHex(digest)).toBe(digestOf(data));
    }
  });

  test("ends the session if the kernel refuses a repeated operation, because the message is lost", () => {
    const sha = device.hash("sha1");
    const [digest, data] = [new Uint8Array(20), pattern(40)];
    for (let times = 0; times < 3; times += 1) sha.digestInto(digest, data);
    host.answers.push(-errnos.ENOMEM);
    expect(() => sha.digestInto(digest, data)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(sha.closed).toBe(true);
    expect(() => sha.digestInto(digest, data)).toThrow(expect.objectContaining({ name: "ClosedError" }));
  });
});

test("Cipher.encrypt() requires an iv after chunks as well", () => {
  const aes = device.cipher("aes-cbc", key);
  aes.encrypt(pattern(16), pattern(16));
  aes.encryptor(pattern(16)).update(pattern(32));
  expect(() => aes.encrypt(pattern(16), ...none)).toThrow(missing("aes-cbc"));
});

test("CipherWithMac requires an iv at first, after whole and partial blocks, and after a refused operation", () => {
  const session = device.cipherWithMac({ cipher: "aes-ctr", key, mac: "sha1" });
  const iv = pattern(16);
  const refused = () => {
    expect(() => session.encrypt(pattern(16))).toThrow(missing("aes-ctr"));
    expect(() => session.encrypt(pattern(16), {})).toThrow(missing("aes-ctr"));
    expect(() => session.decrypt(pattern(16), { mac: pattern(20) })).toThrow(missing("aes-ctr"));
  };
  refused();
  for (const size of [20, 16]) {
    session.encrypt(pattern(size), { iv });
    refused();
  }
  host.answers.push(-errnos.ENOMEM);
  expect(() => session.encrypt(pattern(16), { iv })).toThrow(expect.objectContaining({ code: "ENOMEM" }));
  refused();
});

/** The lengths that were sent since then, and whether each call requested a mac. */
const sent = (since: number) =>
  host.calls.slice(since).map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return [view.getUint32(8, true), view.getBigUint64(32, true) !== 0n];
  });

describe("data of a session that is longer than chunkSize", () => {
  const parts = (size: number, asksForMac: boolean) => {
    const lengths = Array.from({ length: Math.ceil(size / 64) }, (_, index) => Math.min(64, size - index * 64));
    return lengths.map((length, index) => [length, asksForMac && index === lengths.length - 1]);
  };

  test.each([64, 65, 128, 200])("goes to the kernel in as few calls as possible: %i bytes", (size) => {
    const sessions = [
      [device.cipher("aes-ctr", key), false],
      [device.cipherWithMac({ cipher: "aes-ctr", key, mac: "sha1" }), true],
    ] as const;
    for (const [session, asksForMac] of sessions) {
      const before = host.calls.length;
      if (!asksForMac) session.encrypt(pattern(size), pattern(16));
      else session.encrypt(pattern(size), { iv: pattern(16) });
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
    const counting = Device.open(new RecordingHost({ async: true }), { chunkSize: 64, statistics: true });
    const withMac = counting.cipherWithMac({ cipher: "aes-ctr", key, mac: "sha1" });
    withMac.encrypt(pattern(200), { iv: pattern(16) });
    expect(withMac.statistics).toMatchObject({ operations: 4, bytes: 200, largest: 64 });
    const submitter = counting.submitter(() => new Promise((resolve) => setTimeout(resolve, 1))) as Submitter;
    const sha = submitter.hash("sha1");
    await sha.digest(pattern(200));
    expect(sha.statistics).toMatchObject({ operations: 4, bytes: 200, largest: 64 });
    counting.close();
  });

  test("is refused for XTS", () => {
    const xts = device.cipher("aes-xts", pattern(32));
    const withMac = device.cipherWithMac({ cipher: "aes-xts", key: pattern(32), mac: "sha1" });
    const iv = pattern(16);
    for (const encrypt of [
      (size: number) => xts.encrypt(pattern(size), iv),
      (size: number) => withMac.encrypt(pattern(size), { iv }),
    ]) {
      encrypt(64);
      expect(() => encrypt(80)).toThrow(
        new RangeError(
          "source for aes-xts: expected at most 64 bytes, the chunkSize of the device, got 80; a sector cannot be divided",
        ),
      );
    }
    expect(() => (xts as unknown as Cipher<"aes-cbc">).encryptor(iv)).toThrow(/^aes-xts has no encryptor\(\)/);
  });
});
