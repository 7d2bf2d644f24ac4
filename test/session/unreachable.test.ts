import { Buffer } from "node:buffer";
import { type AeadName, BusyError, type CipherName, Device } from "@cryptodev/core";
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
const [key, iv, nonce, header] = [pattern(16), pattern(16), pattern(12), pattern(13)];
const tls = (device: Device) => device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
const srtp = (device: Device, tagSize?: number) =>
  device.srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey: key, tagSize });
const withMac = (device: Device) => device.cipherWithMac({ cipher: "aes-cbc", key, mac: "sha1" });
const managed = (device: Device) => device.aead("aes-gcm", key, { managedNonce: true });

/** Attempts; each one either works without crashing a kernel, or is refused before anything is sent. */
const attempts: Readonly<Record<CrashRule, readonly ((device: Device) => unknown)[]>> = {
  "src-null": [none, nothing, gone].flatMap((source) => [
    (device) => device.cipher("aes-cbc", key).encryptInto(source, pattern(16), iv),
    (device) => device.hash("sha1").digest(source),
    (device) => device.hmac("sha1", key).verify(source, pattern(20)),
    (device) => device.aead("aes-gcm", key).sealInto(source, pattern(32), { nonce }),
    (device) => device.aead("aes-gcm", key).seal(source, { nonce, detached: true }),
    (device) => managed(device).sealInto(source, pattern(44)),
    (device) => withMac(device).encryptInto(source, pattern(16), { mac: pattern(20), iv }),
    (device) => tls(device).seal(source, { header, iv }),
    (device) => tls(device).sealInto(source, pattern(99), { header, iv }),
    (device) => srtp(device).seal(source, { headerSize: 0, iv }),
    (device) => srtp(device).sealInto(source, pattern(99), { headerSize: 0, iv }),
  ]),
  "dst-null": [none, nothing, gone].flatMap((destination) => [
    (device) => device.cipher("aes-cbc", key).encryptInto(pattern(16), destination, iv),
    (device) => withMac(device).encryptInto(pattern(16), destination, { mac: pattern(20), iv }),
    (device) => withMac(device).encryptInto(pattern(16), pattern(16), { mac: destination, iv }),
    (device) => device.aead("aes-gcm", key).sealInto(pattern(16), destination, { nonce }),
    (device) => managed(device).sealInto(pattern(16), destination),
    (device) => tls(device).sealInto(pattern(16), destination, { header, iv }),
    (device) => srtp(device).sealInto(pattern(60), destination, { headerSize: 12, iv }),
    (device) => device.hash("sha1").digestInto(destination, pattern(16)),
  ]),
  "dst-unmapped": [8, 0x1000, "0x8"].map((address) => (device) => {
    return device.cipher("aes-cbc", key).encryptInto(pattern(16), address as unknown as Uint8Array, iv);
  }),
  "dst-short": [
    (device) => device.cipher("aes-cbc", key).encryptInto(pattern(32), pattern(31), iv),
    (device) => device.aead("aes-gcm", key).sealInto(pattern(16), pattern(31), { nonce }),
    (device) => device.aead("aes-gcm", key).openInto(pattern(32), pattern(16), { nonce }),
    (device) => managed(device).sealInto(pattern(16), pattern(43)),
    (device) => managed(device).openInto(pattern(44), pattern(31)),
    (device) => tls(device).sealInto(pattern(16), pattern(51), { header, iv }),
    (device) => tls(device).openInto(pattern(32), pattern(31), { header, iv }),
    (device) => srtp(device).sealInto(pattern(60), pattern(79), { headerSize: 12, iv }),
    (device) => srtp(device).openInto(pattern(80), pattern(79), { headerSize: 12, iv }),
    (device) => device.hash("sha512").digestInto(pattern(63), pattern(1)),
    (device) => withMac(device).encryptInto(pattern(16), pattern(16), { mac: pattern(19), iv }),
  ],
  "auth-null": [none, nothing, gone].flatMap((aad) => [
    (device) => device.aead("aes-gcm", key).seal(pattern(16), { nonce, aad }),
    (device) => managed(device).seal(pattern(16), { aad }),
    (device) => tls(device).seal(pattern(16), { header: aad, iv }),
  ]),
  "tag-size": [0, 1, 5, 7, 17, -1, Number.NaN].flatMap((tagSize) => [
    (device) => device.aead("aes-gcm", key, { tagSize }).seal(pattern(16), { nonce }),
    (device) => device.aead("aes-ccm", key, { tagSize }).seal(pattern(16), { nonce }),
  ]),
  "aead-nothing": [
    (device) => device.aead("aes-gcm", key).seal(nothing, { nonce }),
    (device) => device.aead("aes-gcm", key).seal(nothing, { nonce, aad: nothing }),
    (device) => device.aead("aes-ccm", key).seal(nothing, { nonce, detached: true }),
    (device) => managed(device).seal(nothing),
  ],
  "crypt-on-aead": (["aes-gcm", "aes-128-gcm", "aes-ccm"] as const).flatMap((name: AeadName) => [
    (device) => device.cipher(name as unknown as CipherName, key).encrypt(pattern(16), iv),
    (device) =>
      device.cipherWithMac({ cipher: name as unknown as CipherName, key, mac: "sha1" }).encrypt(pattern(16), { iv }),
  ]),
  "tls-without-cipher": [
    [undefined, key],
    ["null", nothing],
  ].map(([cipher, key]) => (device: Device) => {
    const start = { cipher: cipher as "aes-cbc", key: key as Uint8Array, mac: "hmac-sha1", macKey: iv } as const;
    return device.tls(start).seal(pattern(16), { header, iv });
  }),
  "tag-long": [21, 64, 1000].map((tagSize) => (device) => {
    return srtp(device, tagSize).seal(pattern(60), { headerSize: 12, iv });
  }),
  "auth-short": [-1, 61, 256].map((headerSize) => (device) => {
    return srtp(device).seal(pattern(60), { headerSize, iv });
  }),
  "copy-between-algorithms": [
    (device) => (device.hash("md5").update(pattern(1)) as unknown as { copy(key: Uint8Array): unknown }).copy(key),
    (device) => device.hmac("sha1", key).update(pattern(1)).copy(none),
    (device) => {
      const hash = device.hash("md5").update(pattern(1));
      Object.defineProperty(hash, "name", { value: "sha512" });
      return hash.copy().digest();
    },
  ],
  "mackey-null": [none, gone].flatMap((macKey) => [
    (device) => device.hmac("sha1", macKey),
    (device) => device.cipherWithMac({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey }),
    (device) => device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey }),
    (device) => device.srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey }),
  ]),
  "jobs-abandoned": [
    async (device) => {
      const submitter = device.submitter(() => new Promise((resolve) => setTimeout(resolve, 1)));
      const running = submitter?.hash("sha1").digest(pattern(16));
      expect(running).toBeInstanceOf(Promise);
      expect(() => device.close()).toThrow(BusyError);
      await running;
    },
  ],
};

describe("sessions never send a call that crashes a kernel:", () => {
  test.each(Object.entries(attempts))("%s", async (rule, calls) => {
    expect(crashRules).toHaveProperty(rule);
    for (const [index, call] of calls.entries()) {
      const host = new VigilantHost({ async: true });
      const device = Device.open(host, { chunkSize: 32 });
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
    "a cipher with a mac",
    (device) => {
      const session = withMac(device);
      session.encrypt(pattern(16), { iv });
      return session.encrypt(pattern(16), { iv });
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
  device.cipherWithMac({ cipher: "aes-cbc", key: secret, mac: "hmac-sha1", macKey: secret });
  expect(host.starts).toHaveLength(1);
  for (const start of host.starts) {
    expect(start.pointees.every((target) => target === null)).toBe(true);
    expect(Buffer.from(start.bytes).includes(Buffer.from(secret.subarray(0, 4)))).toBe(false);
  }
  device.close();
});
