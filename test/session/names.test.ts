import { type CipherName, Device, type HashName, type HmacName } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { afterAll, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";

const device = Device.open(new SoftwareHost());
afterAll(() => device.close());

describe("names are accepted in any common spelling, and shown in one form:", () => {
  test.each([
    ["AES-256-CBC", "aes-256-cbc", 32],
    ["aes_256_cbc", "aes-256-cbc", 32],
    ["aes256", "aes-256-cbc", 32],
    ["AES-CTR", "aes-ctr", 16],
    ["cbc(aes)", "aes-cbc", 24],
    ["AES-128-XTS", "aes-128-xts", 32],
    ["des-ede3-cbc", "3des-cbc", 24],
    ["des3", "3des-cbc", 24],
    ["bf-cbc", "blowfish-cbc", 16],
    ["CAMELLIA-192-CBC", "camellia-192-cbc", 24],
  ])("the cipher %s is %s", (written, name, keySize) => {
    const session = device.cipher(written as CipherName, pattern(keySize));
    expect(session.name).toBe(name);
    session.close();
  });

  test.each([
    ["SHA-256", "sha256"],
    ["sha-1", "sha1"],
    ["SHA512", "sha512"],
    ["rmd160", "ripemd160"],
    ["RIPEMD-160", "ripemd160"],
  ])("the hash %s is %s", (written, name) => {
    const session = device.hash(written as HashName);
    expect(session.name).toBe(name);
    session.close();
  });

  test("device.hmac() accepts the name of the hash or of the HMAC", () => {
    for (const written of ["SHA-256", "sha256", "hmac-sha256", "HMAC-SHA256", "hmac(sha256)"]) {
      const session = device.hmac(written as HmacName, pattern(16));
      expect(session.name).toBe("hmac-sha256");
      session.close();
    }
    const tls = device.tls("AES-128-CBC", pattern(16), "SHA-1", pattern(20));
    expect([tls.name, tls.mac]).toEqual(["aes-128-cbc", "hmac-sha1"]);
    const combined = device.combined("AES-CBC", pattern(16), "SHA-1");
    expect(combined.mac).toBe("sha1");
    expect(device.aead("id-aes256-GCM" as "aes-gcm", pattern(32)).name).toBe("aes-256-gcm");
  });
});

describe("an unknown name", () => {
  test.each([
    ["aes-256-cbs", /got "aes-256-cbs"; did you mean "aes-256-cbc"\?$/],
    ["aes-265-cbc", /got "aes-265-cbc"; did you mean "aes-256-cbc"\?$/],
    ["AES-256-GCM", /got "AES-256-GCM", which is an AEAD: use device\.aead\(\)$/],
    ["hmac-sha1", /got "hmac-sha1"$/],
    ["correct horse", /got a string$/],
    ["00112233445566778899aabbccddeeff", /got a string$/],
    ["", /got ""$/],
  ])("is refused with a suggestion if it is close to a known one: %s", (name, message) => {
    expect(() => device.cipher(name as CipherName, pattern(32))).toThrow(message);
    expect(() => device.cipher(name as CipherName, pattern(32))).toThrow(RangeError);
  });

  test("is refused for hashes and macs too", () => {
    expect(() => device.hash("sha265" as HashName)).toThrow(/got "sha265"; did you mean "sha256"\?$/);
    expect(() => device.hash("hmac-sha256" as HashName)).toThrow(/^hash: expected one of .*got "hmac-sha256"$/);
    expect(() => device.hash("sha512/256" as HashName)).toThrow(RangeError);
    for (const name of [undefined, null, 7, {}, ["sha256"], Symbol.iterator]) {
      expect(() => device.hash(name as unknown as HashName)).toThrow(/^hash: expected one of/);
      expect(() => device.cipher(name as unknown as CipherName, pattern(16))).toThrow(/^cipher: expected one of/);
    }
  });
});
