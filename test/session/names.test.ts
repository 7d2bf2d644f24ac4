import { type CipherName, Device, type HashName, type HmacName } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { afterAll, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";

const device = Device.open(new SoftwareHost());
afterAll(() => device.close());

describe("names in any common spelling are accepted, and shown in one form:", () => {
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
  ])("Device.cipher() accepts %s as %s", (written, name, keySize) => {
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
  ])("Device.hash() accepts %s as %s", (written, name) => {
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
  });

  test("Device.tls(), srtp(), cipherWithMac() and aead() accept them, too", () => {
    const keys = { key: pattern(16), macKey: pattern(20) };
    const tls = device.tls({ cipher: "AES-128-CBC", mac: "SHA-1", ...keys });
    expect([tls.name, tls.mac]).toEqual(["aes-128-cbc", "hmac-sha1"]);
    const srtp = device.srtp({ cipher: "AES-128-CTR", mac: "HMAC-SHA1", ...keys });
    expect([srtp.name, srtp.mac]).toEqual(["aes-128-ctr", "hmac-sha1"]);
    const plain = device.cipherWithMac({ cipher: "AES-CBC", key: pattern(16), mac: "SHA-1" });
    expect([plain.name, plain.mac]).toEqual(["aes-cbc", "sha1"]);
    const keyed = device.cipherWithMac({ cipher: "AES-CBC", mac: "HMAC-SHA1", ...keys });
    expect(keyed.mac).toBe("hmac-sha1");
    expect(device.aead("id-aes256-GCM" as "aes-gcm", pattern(32)).name).toBe("aes-256-gcm");
  });
});

test("Device.aead() and tls() say which method a cipher of another kind belongs to", () => {
  expect(() => device.aead("aes-256-cbc" as "aes-gcm", pattern(32))).toThrow(
    /, which is a cipher: use device\.cipher\(\)$/,
  );
  const start = (cipher: string) => () =>
    device.tls({ cipher: cipher as "aes-cbc", key: pattern(16), mac: "hmac-sha1", macKey: pattern(20) });
  expect(start("aes-gcm")).toThrow(/^cipher for tls: .*, which is an AEAD: use device\.aead\(\)$/);
  expect(start("aes-ctr")).toThrow(/^cipher for tls: .*; got "aes-ctr"$/);
});

describe("unknown names are refused:", () => {
  test.each([
    ["aes-256-cbs", /got "aes-256-cbs"; did you mean "aes-256-cbc"\?$/],
    ["aes-265-cbc", /got "aes-265-cbc"; did you mean "aes-256-cbc"\?$/],
    ["AES-256-GCM", /got "AES-256-GCM", which is an AEAD: use device\.aead\(\)$/],
    ["hmac-sha1", /got "hmac-sha1", which is an HMAC: use device\.hmac\(\)$/],
    ["SHA-256", /got "SHA-256", which is a hash: use device\.hash\(\)$/],
    ["ChaCha20-Poly1305", /got "ChaCha20-Poly1305", which the device does not have: use node:crypto$/],
    ["cast-cbc", /got "cast-cbc", which the device does not have: use node:crypto$/],
    ["correct horse", /got a string$/],
    ["00112233445566778899aabbccddeeff", /got a string$/],
    ["", /got ""$/],
  ])("Device.cipher() refuses %s, and suggests a known name that is close to it", (name, message) => {
    expect(() => device.cipher(name as CipherName, pattern(32))).toThrow(message);
    expect(() => device.cipher(name as CipherName, pattern(32))).toThrow(RangeError);
  });

  test("Device.hash() refuses unknown names, and both refuse what is not a string", () => {
    expect(() => device.hash("sha265" as HashName)).toThrow(/got "sha265"; did you mean "sha256"\?$/);
    expect(() => device.hash("hmac-sha256" as HashName)).toThrow(
      /^hash: expected one of .*got "hmac-sha256", which is an HMAC: use device\.hmac\(\)$/,
    );
    expect(() => device.hash("sha512/256" as HashName)).toThrow(RangeError);
    // The names are similar, the hashes are not.
    expect(() => device.hash("sha3-256" as HashName)).toThrow(/got "sha3-256", which the device does not have: use/);
    expect(() => device.hash("aes-cbc" as HashName)).toThrow(
      /got "aes-cbc", which is a cipher: use device\.cipher\(\)$/,
    );
    for (const name of [undefined, null, 7, {}, ["sha256"], Symbol.iterator]) {
      expect(() => device.hash(name as unknown as HashName)).toThrow(/^hash: expected one of/);
      expect(() => device.cipher(name as unknown as CipherName, pattern(16))).toThrow(/^cipher: expected one of/);
    }
  });
});
