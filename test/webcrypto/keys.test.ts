import { ClosedError, Device } from "@cryptodev/core";
import { CIOCFSESSION, CIOCGSESSION, LP64, requestNumber } from "@cryptodev/core/abi";
import { SoftwareHost } from "@cryptodev/soft";
import { subtleOf } from "cryptodev/webcrypto";
import { expect, onTestFinished, test } from "vitest";
import { pattern } from "../bytes.ts";
import { RecordingHost } from "../recording_host.ts";
import { collectUntil } from "../runtime.ts";
import { CryptoKey, type Key, native, outcomeOf, type Subtle } from "./outcome.ts";

const iv = pattern(12);
const gcm = { name: "AES-GCM", iv };

const requests = {
  CIOCGSESSION: requestNumber(CIOCGSESSION, LP64),
  CIOCFSESSION: requestNumber(CIOCFSESSION, LP64),
};

function start(host = new RecordingHost()) {
  const device = Device.open(host);
  onTestFinished(() => device.close());
  const calls = (name: keyof typeof requests) => host.calls.filter(({ request }) => request === requests[name]).length;
  return { host, device, subtle: subtleOf(device) as Subtle, calls };
}

test("keys are CryptoKey objects of the runtime, which its own subtle accepts", async () => {
  const { subtle } = start();
  const key = await subtle.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt"]);
  const generated = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  for (const made of [key, generated]) {
    expect(made).toBeInstanceOf(CryptoKey);
    const ours = await outcomeOf(() => subtle.encrypt(gcm, made, pattern(40)));
    expect(ours).toBe(await outcomeOf(() => native.encrypt(gcm, made, pattern(40))));
  }
});

test("keys of the runtime's own subtle work if they are extractable; others are refused, and the error says why", async () => {
  const { subtle } = start();
  const open = await native.importKey("raw", pattern(16), "AES-GCM", true, ["encrypt"]);
  expect((await subtle.encrypt(gcm, open, pattern(3))).byteLength).toBe(19);
  const closed = await native.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt"]);
  const refusal = subtle.encrypt(gcm, closed, pattern(3));
  await expect(refusal).rejects.toThrow(/not extractable and that another subtle made/);
  await expect(refusal).rejects.toMatchObject({ name: "NotSupportedError" });
});

test("a key that is not extractable works with the subtle that made it, and with no other", async () => {
  const [one, other] = [start(), start()];
  const key = await one.subtle.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt"]);
  expect((await one.subtle.encrypt(gcm, key, pattern(3))).byteLength).toBe(19);
  await expect(other.subtle.encrypt(gcm, key, pattern(3))).rejects.toMatchObject({ name: "NotSupportedError" });
});

test("a key is made for what the runtime says, whatever its own properties claim", async () => {
  const { subtle } = start();
  const key = await subtle.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt"]);
  const sealed = await subtle.encrypt(gcm, key, pattern(3));
  Object.defineProperty(key, "usages", { value: ["decrypt"] });
  // Node.js 20 itself believes the property, and the key is refused anyway.
  const name = expect.stringMatching(/^(InvalidAccess|NotSupported)Error$/);
  await expect(subtle.decrypt(gcm, key, sealed)).rejects.toMatchObject({ name });
  const pretended: Key = Object.create(CryptoKey.prototype);
  await expect(subtle.decrypt(gcm, pretended, sealed)).rejects.toBeInstanceOf(TypeError);
});

test("a key has one session, which is started when it is used first", async () => {
  const { subtle, calls } = start();
  const key = await subtle.importKey("raw", pattern(16), "AES-GCM", true, ["encrypt", "decrypt"]);
  expect(calls("CIOCGSESSION")).toBe(0);
  const sealed = await Promise.all([1, 2, 3].map(() => subtle.encrypt(gcm, key, pattern(30))));
  for (const message of sealed) await subtle.decrypt(gcm, key, message);
  expect(calls("CIOCGSESSION")).toBe(1);
});

test("a limited number of sessions is open, and every key works however many there are", async () => {
  const { subtle, calls } = start();
  const keys: Key[] = [];
  for (let index = 0; index < 300; index += 1) {
    keys.push(await subtle.importKey("raw", pattern(16, index), "AES-CTR", index % 2 === 0, ["encrypt"]));
  }
  const algorithm = { name: "AES-CTR", counter: pattern(16), length: 64 };
  const encrypted = async () => {
    const results: unknown[] = [];
    for (const key of keys) results.push(await outcomeOf(() => subtle.encrypt(algorithm, key, pattern(20))));
    return results;
  };
  const first = await encrypted();
  expect(new Set(first).size).toBeGreaterThan(200);
  // One session more is that which encrypts keys that are not extractable.
  expect(calls("CIOCGSESSION") - calls("CIOCFSESSION")).toBe(257);
  expect(await encrypted()).toEqual(first);
  const together = keys.map((key) => outcomeOf(() => subtle.encrypt(algorithm, key, pattern(20))));
  expect(await Promise.all(together)).toEqual(first);
});

test("the session of a key is closed when the key is collected, without a warning", async () => {
  const { host, subtle, calls } = start();
  await (async () => {
    const key = await subtle.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt"]);
    await subtle.encrypt(gcm, key, pattern(3));
  })();
  await collectUntil(() => calls("CIOCFSESSION") > 0);
  expect(calls("CIOCFSESSION")).toBe(1);
  expect(host.warnings).toEqual([]);
});

test("the sessions of a subtle are closed when it is collected, without a warning", async () => {
  const { host, device, calls } = start();
  await (async () => {
    const subtle = subtleOf(device) as Subtle;
    const key = await subtle.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt"]);
    await subtle.encrypt(gcm, key, await subtle.digest("SHA-256", pattern(3)));
  })();
  await collectUntil(() => calls("CIOCFSESSION") === 3);
  expect(calls("CIOCFSESSION")).toBe(3);
  expect(host.warnings).toEqual([]);
});

test("no operation works after the device was closed", async () => {
  const { subtle, device } = start();
  const key = await subtle.importKey("raw", pattern(16), "AES-GCM", true, ["encrypt"]);
  await subtle.encrypt(gcm, key, pattern(3));
  device.close();
  await expect(subtle.encrypt(gcm, key, pattern(3))).rejects.toBeInstanceOf(ClosedError);
  await expect(subtle.digest("SHA-1", pattern(3))).rejects.toBeInstanceOf(ClosedError);
});

test("a key that is not extractable needs aes-ctr; with fallback it is left to the runtime without it", async () => {
  const device = Device.open(new SoftwareHost({ lacks: ["aes-ctr"] }));
  onTestFinished(() => device.close());
  const make = (subtle: Subtle) => subtle.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt"]);
  await expect(make(subtleOf(device) as Subtle)).rejects.toMatchObject({ name: "NotSupportedError" });
  const subtle = subtleOf(device, { fallback: true }) as Subtle;
  const expected = await outcomeOf(async () => native.encrypt(gcm, await make(native), pattern(40)));
  expect(await outcomeOf(async () => subtle.encrypt(gcm, await make(subtle), pattern(40)))).toBe(expected);
});
