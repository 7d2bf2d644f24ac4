import { Buffer } from "node:buffer";
import { type AeadName, type CipherName, Device } from "@cryptodev/core";
import { type CrashRule, crashRules, KernelCrashError } from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { detached } from "../memory.ts";
import { VigilantHost } from "../vigilant_host.ts";

/*
 * For each call that would crash a kernel: what a program would have to write to send it, and that the library does not
 * send it.
 */

const none = undefined as unknown as Uint8Array;
const nothing = new Uint8Array();
const gone = detached(16);
const [key, iv, nonce] = [pattern(16), pattern(16), pattern(12)];

/** Attempts; each one either works without crashing a kernel, or is refused before anything is sent. */
const attempts: Readonly<Record<CrashRule, readonly ((device: Device) => unknown)[]>> = {
  "src-null": [none, nothing, gone].flatMap((source) => [
    (device) => device.cipher("aes-cbc", key).encryptInto(source, pattern(16), iv),
    (device) => device.hash("sha1").digest(source),
    (device) => device.aead("aes-gcm", key).sealInto(source, pattern(32), nonce),
    (device) => device.tls("aes-cbc", key, "hmac-sha1", key).seal(source, pattern(13), iv),
    (device) => device.srtp("aes-ctr", key, "hmac-sha1", key).seal(source, 0, iv),
  ]),
  "dst-null": [none, nothing, gone].flatMap((destination) => [
    (device) => device.cipher("aes-cbc", key).encryptInto(pattern(16), destination, iv),
    (device) => device.combined("aes-cbc", key, "sha1").encryptInto(pattern(16), destination, pattern(20), iv),
    (device) => device.aead("aes-gcm", key).sealInto(pattern(16), destination, nonce),
    (device) => device.hash("sha1").digestInto(destination, pattern(16)),
  ]),
  "dst-unmapped": [8, 0x1000, "0x8"].map((address) => (device) => {
    return device.cipher("aes-cbc", key).encryptInto(pattern(16), address as unknown as Uint8Array, iv);
  }),
  "dst-short": [
    (device) => device.cipher("aes-cbc", key).encryptInto(pattern(32), pattern(31), iv),
    (device) => device.aead("aes-gcm", key).sealInto(pattern(16), pattern(31), nonce),
    (device) => device.aead("aes-gcm", key).openInto(pattern(32), pattern(16), nonce),
    (device) => device.tls("aes-cbc", key, "hmac-sha1", key).sealInPlace(pattern(51), 16, pattern(13), iv),
    (device) => device.hash("sha512").digestInto(pattern(63), pattern(1)),
    (device) => device.combined("aes-cbc", key, "sha1").encryptInto(pattern(16), pattern(16), pattern(19), iv),
  ],
  "auth-null": [none, nothing, gone].map(
    (aad) => (device) => device.aead("aes-gcm", key).seal(pattern(16), nonce, aad),
  ),
  "tag-size": [0, 1, 5, 7, 17, -1, Number.NaN].flatMap((tagSize) => [
    (device) => device.aead("aes-gcm", key, { tagSize }).seal(pattern(16), nonce),
    (device) => device.aead("aes-ccm", key, { tagSize }).seal(pattern(16), nonce),
  ]),
  "aead-nothing": [
    (device) => device.aead("aes-gcm", key).seal(nothing, nonce),
    (device) => device.aead("aes-gcm", key).seal(nothing, nonce, nothing),
    (device) => device.aead("aes-ccm", key).encrypt(nothing, nonce),
  ],
  "crypt-on-aead": (["aes-gcm", "aes-128-gcm", "aes-ccm"] as const).flatMap((name: AeadName) => [
    (device) => device.cipher(name as unknown as CipherName, key).encrypt(pattern(16), iv),
    (device) => device.combined(name as unknown as CipherName, key, "sha1").encrypt(pattern(16), iv),
  ]),
  "tls-without-cipher": [
    (device) => device.tls(undefined as unknown as "aes-cbc", key, "hmac-sha1", key).seal(pattern(16), pattern(13), iv),
    (device) => device.tls("null" as "aes-cbc", nothing, "hmac-sha1", key).seal(pattern(16), pattern(13), iv),
  ],
  "tag-long": [21, 64, 1000].map((tagSize) => (device) => {
    return device.srtp("aes-ctr", key, "hmac-sha1", key, { tagSize }).seal(pattern(60), 12, iv);
  }),
  "auth-short": [-1, 61, 256].map((headerSize) => (device) => {
    return device.srtp("aes-ctr", key, "hmac-sha1", key).seal(pattern(60), headerSize, iv);
  }),
  "copy-between-algorithms": [
    (device) => device.hash("md5").update(pattern(1)).copy(key),
    (device) => device.hmac("sha1", key).update(pattern(1)).copy(),
    (device) => {
      const hash = device.hash("md5").update(pattern(1));
      Object.defineProperty(hash, "name", { value: "sha512" });
      return hash.copy().digest();
    },
  ],
  "mackey-null": [none, gone].flatMap((mackey) => [
    (device) => device.hmac("sha1", mackey),
    (device) => device.combined("aes-cbc", key, "hmac-sha1", mackey),
    (device) => device.tls("aes-cbc", key, "hmac-sha1", mackey),
  ]),
  "jobs-abandoned": [
    async (device) => {
      const submitter = device.submitter(() => new Promise((resolve) => setTimeout(resolve, 1)));
      const running = submitter && device.hash("sha1").digestAsync(submitter, pattern(16));
      expect(() => device.close()).toThrow(expect.objectContaining({ code: "EBUSY" }));
      await running;
    },
  ],
};

describe("the library never sends a call that crashes a kernel:", () => {
  test.each(Object.entries(attempts))("%s", async (rule, calls) => {
    expect(crashRules).toHaveProperty(rule);
    for (const [index, call] of calls.entries()) {
      const host = new VigilantHost({ async: true });
      const device = Device.open(host, undefined, { chunkSize: 32 });
      try {
        await call(device);
      } catch (error) {
        const { name } = error as Error;
        expect(error, `attempt ${index}`).not.toBeInstanceOf(KernelCrashError);
        expect(["TypeError", "RangeError"], `attempt ${index}: ${(error as Error).stack}`).toContain(name);
      }
      device.close();
    }
  });
});

test.each<readonly [string, (device: Device) => unknown]>([
  [
    "a hash that returned its digest",
    (device) => {
      const hash = device.hash("sha1");
      hash.digest(pattern(1));
      hash.digest();
      hash.update(pattern(1)).digest();
      return hash.update(nothing).copy().digest();
    },
  ],
  [
    "a cipher with a mac, without an iv",
    (device) => {
      const session = device.combined("aes-cbc", key, "sha1");
      session.encrypt(pattern(16), iv);
      return session.encrypt(pattern(16));
    },
  ],
])("a session never computes a digest from a finished state: %s", (_what, use) => {
  const log: string[] = [];
  const device = Device.open(new VigilantHost({ verbosity: 2, log: (line) => log.push(line) }));
  use(device);
  device.close();
  expect(log.filter((line) => line.includes("CIOCCRYPT")).length).toBeGreaterThan(1);
  expect(log.filter((line) => line.includes("meaningless"))).toEqual([]);
});

test("a started session leaves no part of its keys in memory of the library", () => {
  const host = new VigilantHost();
  const device = Device.open(host);
  const secret = pattern(16, 77);
  device.combined("aes-cbc", secret, "hmac-sha1", secret);
  expect(host.starts).toHaveLength(1);
  for (const start of host.starts) {
    expect(start.pointees.every((target) => target === null)).toBe(true);
    expect(Buffer.from(start.bytes).includes(Buffer.from(secret.subarray(0, 4)))).toBe(false);
  }
  device.close();
});
