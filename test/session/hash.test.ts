import type { Device, HashName, HmacName } from "@cryptodev/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, fromText, pattern, toHex } from "../bytes.ts";
import { detach } from "../memory.ts";

// The message "abc": RFC 1321 (MD5), its authors' own page (RIPEMD-160), FIPS 180-4's examples (SHA).
const abc: readonly (readonly [HashName, string])[] = [
  ["md5", "900150983cd24fb0d6963f7d28e17f72"],
  ["ripemd160", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"],
  ["sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"],
  ["sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ["sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"],
  [
    "sha512",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  ],
];

// Test case 2 of RFC 2202 (MD5, SHA-1), RFC 2286 (RIPEMD-160) and RFC 4231 (SHA-2).
const jefe: readonly (readonly [HmacName, string])[] = [
  ["md5", "750c783e6ab0b503eaa86e310a5db738"],
  ["ripemd160", "dda6c0213a485a9e24f4742064a7f033b43c4069"],
  ["sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
  ["sha224", "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"],
  ["sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
  ["sha384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"],
  [
    "sha512",
    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
  ],
];

const sha1OfAbc = Object.fromEntries(abc).sha1;

describe.each(backends)("a hash session on the $name", (backend) => {
  let device: Device;
  beforeEach(() => {
    device = backend.open();
  });
  afterEach(() => device.close());

  test("notices what has changed since the last message over the same memory, and a message that has begun", () => {
    const session = device.hash("sha1");
    const [data, destination] = [fromText("abc"), new Uint8Array(24)];
    for (let round = 0; round < 3; round += 1) {
      for (let times = 0; times < 2; times += 1) {
        expect(session.digestInto(destination, data)).toBe(20);
        expect(destination.subarray(0, 20)).toEqual(device.hash("sha1").digest(data));
      }
      // The same memory, at the end of a longer message.
      session.update(data).digestInto(destination, data);
      expect(destination.subarray(0, 20)).toEqual(device.hash("sha1").update(data).digest(data));
      session.digestInto(destination, data);
      data[round] = 0xee;
    }
    detach(data);
    expect(() => session.digestInto(destination, data)).toThrow(/^data for sha1: its memory is gone/);
  });

  test.each(abc)("returns the known digest with %s", (name, digest) => {
    const session = device.hash(name);
    expect(toHex(session.digest(fromText("abc")))).toBe(digest);
    expect(toHex(session.update(fromText("a")).update(fromText("bc")).digest())).toBe(digest);
    expect(toHex(session.update(fromText("ab")).digest(fromText("c")))).toBe(digest);
    expect(session.digestSize).toBe(digest.length / 2);
  });

  test.each(jefe)("returns the known HMAC with %s", (name, digest) => {
    const session = device.hmac(name, fromText("Jefe"));
    expect(toHex(session.digest(fromText("what do ya want for nothing?")))).toBe(digest);
    expect(toHex(session.update(fromText("what do ya want ")).digest(fromText("for nothing?")))).toBe(digest);
  });

  test("hashes a key longer than a block first (RFC 4231, test case 6)", () => {
    const session = device.hmac("sha256", new Uint8Array(131).fill(0xaa));
    const digest = session.digest(fromText("Test Using Larger Than Block-Size Key - Hash Key First"));
    expect(toHex(digest)).toBe("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  });

  test("hashes a missing message like an empty one, and accepts an empty HMAC key", () => {
    const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const session = device.hash("sha256");
    expect(toHex(session.digest())).toBe(empty);
    expect(toHex(session.digest(new Uint8Array()))).toBe(empty);
    expect(toHex(session.update(new Uint8Array()).digest())).toBe(empty);
    expect(toHex(device.hmac("sha256", new Uint8Array()).digest())).toBe(
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
    );
  });

  test("does not end a message at an empty piece", () => {
    const session = device.hash("sha1");
    const digest = session.update(fromText("a")).update(new Uint8Array()).update(fromText("bc")).digest();
    expect(toHex(digest)).toBe(sha1OfAbc);
  });

  test("computes one digest after the other, each only of its own message", () => {
    const session = device.hash("sha256");
    const first = session.update(pattern(100)).digest();
    expect(session.digest(pattern(100))).toEqual(first);
    session.update(fromText("something else"));
    session.digest();
    expect(session.update(pattern(60)).digest(pattern(100).subarray(60))).toEqual(first);
  });

  test("does not disturb another session", () => {
    const [one, other] = [device.hash("sha256"), device.hash("sha256")];
    one.update(fromText("a"));
    other.update(fromText("x"));
    one.update(fromText("bc"));
    expect(toHex(one.digest())).toBe(Object.fromEntries(abc).sha256);
  });

  test("writes the digest and nothing beyond it in digestInto()", () => {
    const session = device.hash("sha1");
    const destination = new Uint8Array(32).fill(0xee);
    expect(session.digestInto(destination, fromText("abc"))).toBe(20);
    expect(toHex(destination)).toBe(`${sha1OfAbc}${"ee".repeat(12)}`);
  });

  test("reports its driver and its sizes", () => {
    const { cipher, mac } = device.hmac("sha1", fromHex("00")).info();
    expect(cipher).toBeUndefined();
    expect(mac?.name).toBe("hmac(sha1)");
  });
});
