import { CryptodevError, type Device } from "@cryptodev/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern, toHex } from "../bytes.ts";

const key = fromHex("05162738495a6b7c8d9eafc0d1e2f304");
const mackey = fromHex("05162738495a6b7c8d9eafc0d1e2f30415263748");
const iv = fromHex("000102030405060708090a0b0c0d0e0f");

describe.each(backends)("a combined session on the $name", (backend) => {
  let device: Device;
  beforeEach(() => {
    device = backend.open();
  });
  afterEach(() => device.close());

  const bothWays = () => ({
    session: device.combined("aes-128-cbc", key, "hmac-sha1", mackey),
    cipher: device.cipher("aes-128-cbc", key),
    hmac: device.hmac("sha1", mackey),
  });

  test("computes in one pass what a cipher and an HMAC of the plaintext compute in two", () => {
    const { session, cipher, hmac } = bothWays();
    const { ciphertext, mac } = session.encrypt(pattern(96), iv);
    expect(toHex(ciphertext)).toBe(toHex(cipher.encrypt(pattern(96), iv)));
    expect(toHex(mac)).toBe(toHex(hmac.digest(pattern(96))));
    expect(session.decrypt(ciphertext, mac, iv)).toEqual(pattern(96));
    expect(session).toMatchObject({ name: "aes-128-cbc", mac: "hmac-sha1", macSize: 20, blockSize: 16, ivSize: 16 });
  });

  test("computes a new mac for each operation, and chains the iv", () => {
    const { session, cipher, hmac } = bothWays();
    const whole = cipher.encrypt(pattern(96), iv);
    const first = session.encrypt(pattern(96).subarray(0, 32), iv);
    const rest = session.encrypt(pattern(96).subarray(32));
    expect(toHex(first.ciphertext) + toHex(rest.ciphertext)).toBe(toHex(whole));
    expect(toHex(rest.mac)).toBe(toHex(hmac.digest(pattern(96).subarray(32))));
  });

  test("accepts a plain hash as a mac without a key", () => {
    const session = device.combined("aes-128-cbc", key, "sha256");
    expect(session.encrypt(pattern(16), iv).mac).toEqual(device.hash("sha256").digest(pattern(16)));
  });

  test("writes to existing memory and in place", () => {
    const { session } = bothWays();
    const expected = session.encrypt(pattern(96), iv);
    const [place, mac] = [pattern(96), new Uint8Array(24).fill(0xee)];
    expect(session.encryptInto(place, place, mac, iv)).toBe(96);
    expect(toHex(place)).toBe(toHex(expected.ciphertext));
    expect(toHex(mac)).toBe(`${toHex(expected.mac)}eeeeeeee`);
    expect(session.decryptInto(place, place, expected.mac, iv)).toBe(96);
    expect(place).toEqual(pattern(96));
  });

  test("refuses a wrong mac with EBADMSG, and leaves no plaintext", () => {
    const { session } = bothWays();
    const { ciphertext, mac } = session.encrypt(pattern(96), iv);
    const destination = new Uint8Array(112).fill(0xee);
    for (const index of [0, 19]) {
      const forged = mac.slice();
      forged[index] = (forged[index] as number) ^ 1;
      expect(() => session.decrypt(ciphertext, forged, iv)).toThrow(
        expect.objectContaining({ name: "CryptodevError", code: "EBADMSG", errno: 74, ioctl: "CIOCCRYPT" }),
      );
      expect(() => session.decryptInto(ciphertext, destination, forged, iv)).toThrow(CryptodevError);
      expect(() => session.decryptInto(ciphertext, destination, forged, iv)).toThrow(
        /the hmac-sha1 of the plaintext does not match/,
      );
      expect(toHex(destination)).toBe("00".repeat(96) + "ee".repeat(16));
    }
  });

  test("requires an iv after a forged message, because the kernel's iv is a block of the forgery", () => {
    const { session } = bothWays();
    const { ciphertext, mac } = session.encrypt(pattern(96), iv);
    expect(() =>
      session.decrypt(
        ciphertext,
        mac.map((byte) => byte ^ 1),
        iv,
      ),
    ).toThrow(CryptodevError);
    expect(() => session.encrypt(pattern(16))).toThrow(TypeError);
  });

  test("accepts a mac next to the ciphertext, and refuses one inside the plaintext", () => {
    const { session } = bothWays();
    for (const [macAt, dataAt] of [
      [0, 20],
      [96, 0],
    ] as const) {
      const memory = new Uint8Array(116);
      const [mac, data] = [memory.subarray(macAt, macAt + 20), memory.subarray(dataAt, dataAt + 96)];
      session.encryptInto(pattern(96), data, mac, iv);
      expect(session.decrypt(data, mac, iv)).toEqual(pattern(96));
    }
    const memory = pattern(96);
    expect(() => session.decryptInto(memory, memory, memory.subarray(40, 60), iv)).toThrow(
      new RangeError("mac for hmac-sha1: expected memory apart from the destination"),
    );
    expect(memory).toEqual(pattern(96));
  });

  test("wipes a destination that overrides fill(), too", () => {
    const { session } = bothWays();
    const { ciphertext } = session.encrypt(pattern(96), iv);
    const destination = Object.defineProperty(new Uint8Array(96), "fill", { value: () => destination }) as Uint8Array;
    expect(() => session.decryptInto(ciphertext, destination, new Uint8Array(20), iv)).toThrow(CryptodevError);
    expect(toHex(destination)).toBe("00".repeat(96));
  });

  test("refuses a mac of the wrong size, a mac in the destination, and misplaced keys", () => {
    const { session } = bothWays();
    expect(() => session.decrypt(pattern(96), new Uint8Array(19), iv)).toThrow(
      new RangeError("mac for hmac-sha1: expected 20 bytes, got 19"),
    );
    expect(() => session.encryptInto(pattern(96), new Uint8Array(96), new Uint8Array(19), iv)).toThrow(
      new RangeError("mac for hmac-sha1: expected at least 20 bytes, got 19"),
    );
    const place = pattern(128);
    expect(() => session.encryptInto(place.subarray(0, 96), place.subarray(0, 96), place.subarray(90), iv)).toThrow(
      new RangeError("mac for hmac-sha1: expected memory apart from the destination"),
    );
    expect(() => device.combined("aes-128-cbc", key, "sha1", mackey)).toThrow(
      new TypeError("key for sha1: expected none; hmac-sha1 has one"),
    );
    expect(() => device.combined("aes-128-cbc", key, "hmac-sha1")).toThrow(TypeError);
  });
});
