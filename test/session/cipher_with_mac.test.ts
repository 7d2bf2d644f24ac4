import { AuthenticationError, type Device } from "@cryptodev/core";
import { describe, expect } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { testOn } from "../device_fixture.ts";

const key = fromHex("05162738495a6b7c8d9eafc0d1e2f304");
const macKey = fromHex("05162738495a6b7c8d9eafc0d1e2f30415263748");
const iv = fromHex("000102030405060708090a0b0c0d0e0f");

const start = (device: Device) => device.cipherWithMac({ cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey });

describe.each(backends)("on the $name,", (backend) => {
  const test = testOn(backend);

  test("CipherWithMac computes in one pass what a cipher and an HMAC of the plaintext compute in two", ({ device }) => {
    const session = start(device);
    const { ciphertext, mac } = session.encrypt(pattern(96), { iv });
    expect(toHex(ciphertext)).toBe(toHex(device.cipher("aes-128-cbc", key).encrypt(pattern(96), iv)));
    expect(toHex(mac)).toBe(toHex(device.hmac("sha1", macKey).digest(pattern(96))));
    expect(session.decrypt(ciphertext, { mac, iv })).toEqual(pattern(96));
    expect(session).toMatchObject({ name: "aes-128-cbc", mac: "hmac-sha1", macSize: 20, blockSize: 16, ivSize: 16 });
  });

  test("CipherWithMac computes a new mac for each operation, and requires an iv for each", ({ device }) => {
    const session = start(device);
    const first = session.encrypt(pattern(32), { iv });
    for (const call of [
      () => session.encrypt(pattern(64)),
      () => session.encrypt(pattern(64), {}),
      () => session.encryptInto(pattern(64), new Uint8Array(64), { mac: new Uint8Array(20) }),
      () => session.decrypt(first.ciphertext, { mac: first.mac }),
      () => session.decryptInto(first.ciphertext, new Uint8Array(32), { mac: first.mac }),
    ]) {
      expect(call).toThrow(new TypeError("iv for aes-128-cbc: expected 16 bytes, got none"));
    }
    const second = session.encrypt(pattern(64), { iv: pattern(16) });
    expect(toHex(second.ciphertext)).toBe(toHex(device.cipher("aes-128-cbc", key).encrypt(pattern(64), pattern(16))));
    expect(toHex(second.mac)).toBe(toHex(device.hmac("sha1", macKey).digest(pattern(64))));
  });

  test("CipherWithMac accepts a cipher without an iv", ({ device }) => {
    const session = device.cipherWithMac({ cipher: "aes-ecb", key, mac: "hmac-sha1", macKey });
    const { ciphertext, mac } = session.encrypt(pattern(32));
    expect(ciphertext).toEqual(device.cipher("aes-ecb", key).encrypt(pattern(32)));
    expect(session.decrypt(ciphertext, { mac })).toEqual(pattern(32));
    expect(() => session.encrypt(pattern(32), { iv })).toThrow(
      new RangeError("iv for aes-ecb: expected none, as it has no iv; got a Uint8Array"),
    );
  });

  test("CipherWithMac accepts a plain hash as a mac without a key", ({ device }) => {
    const session = device.cipherWithMac({ cipher: "aes-128-cbc", key, mac: "sha256" });
    expect(session.encrypt(pattern(16), { iv }).mac).toEqual(device.hash("sha256").digest(pattern(16)));
  });

  // The larger size does not go through the arena.
  test.for([96, 8192])(
    "CipherWithMac.encryptInto() and decryptInto() write in place and to separate memory, with %i bytes",
    (size, { device }) => {
      const session = start(device);
      const expected = session.encrypt(pattern(size), { iv });
      const [place, mac] = [pattern(size), new Uint8Array(24).fill(0xee)];
      expect(session.encryptInto(place, place, { mac, iv })).toBe(size);
      expect(toHex(place)).toBe(toHex(expected.ciphertext));
      expect(toHex(mac)).toBe(`${toHex(expected.mac)}eeeeeeee`);
      expect(session.decryptInto(place, place, { mac: expected.mac, iv })).toBe(size);
      expect(toHex(place)).toBe(toHex(pattern(size)));

      const separate = new Uint8Array(size + 4).fill(0xee);
      expect(session.encryptInto(pattern(size), separate, { mac, iv })).toBe(size);
      expect(toHex(separate)).toBe(`${toHex(expected.ciphertext)}eeeeeeee`);
      separate.fill(0xee);
      expect(session.decryptInto(expected.ciphertext, separate, { mac: expected.mac, iv })).toBe(size);
      expect(toHex(separate)).toBe(`${toHex(pattern(size))}eeeeeeee`);
    },
  );

  test("CipherWithMac.encryptInto() and decryptInto() refuse a partial overlap", ({ device }) => {
    const session = start(device);
    const [memory, mac] = [pattern(128), new Uint8Array(20)];
    for (const [from, to] of [
      [0, 1],
      [1, 0],
      [0, 95],
    ] as const) {
      const [source, destination] = [memory.subarray(from, from + 96), memory.subarray(to)];
      const overlap = "destination for aes-128-cbc: expected the source itself or memory apart from it, got an overlap";
      if (destination.length < 96) continue;
      expect(() => session.encryptInto(source, destination, { mac, iv })).toThrow(new RangeError(overlap));
      expect(() => session.decryptInto(source, destination, { mac, iv })).toThrow(new RangeError(overlap));
    }
    expect(memory).toEqual(pattern(128));
  });

  test("CipherWithMac.decrypt() refuses a wrong mac with an AuthenticationError, and leaves no plaintext", ({
    device,
  }) => {
    const session = start(device);
    const { ciphertext, mac } = session.encrypt(pattern(96), { iv });
    const destination = new Uint8Array(112);
    for (let index = 0; index < 20; index += 1) {
      const forged = mac.slice();
      forged[index] = (forged[index] as number) ^ 1;
      destination.fill(0xee);
      expect(() => session.decrypt(ciphertext, { mac: forged, iv })).toThrow(AuthenticationError);
      expect(() => session.decryptInto(ciphertext, destination, { mac: forged, iv })).toThrow(AuthenticationError);
      expect(toHex(destination)).toBe("00".repeat(96) + "ee".repeat(16));
    }
  });

  test("CipherWithMac.decrypt() reads the mac before it writes, and leaves it as it is", ({ device }) => {
    const session = start(device);
    const { ciphertext, mac } = session.encrypt(pattern(96), { iv });
    const given = mac.slice();
    for (let times = 0; times < 3; times += 1) {
      expect(session.decrypt(ciphertext, { mac: given, iv })).toEqual(pattern(96));
      expect(given).toEqual(mac);
    }
  });

  test("CipherWithMac accepts a mac next to the ciphertext, and refuses one inside the plaintext", ({ device }) => {
    const session = start(device);
    for (const [macAt, dataAt] of [
      [0, 20],
      [96, 0],
    ] as const) {
      const memory = new Uint8Array(116);
      const [mac, data] = [memory.subarray(macAt, macAt + 20), memory.subarray(dataAt, dataAt + 96)];
      session.encryptInto(pattern(96), data, { mac, iv });
      expect(session.decrypt(data, { mac, iv })).toEqual(pattern(96));
    }
    const memory = pattern(96);
    expect(() => session.decryptInto(memory, memory, { mac: memory.subarray(40, 60), iv })).toThrow(
      new RangeError("mac for hmac-sha1: expected memory apart from the destination"),
    );
    expect(memory).toEqual(pattern(96));
  });

  test("CipherWithMac.decryptInto() wipes a destination that overrides fill(), too", ({ device }) => {
    const session = start(device);
    const { ciphertext } = session.encrypt(pattern(96), { iv });
    const destination = Object.defineProperty(new Uint8Array(96), "fill", { value: () => destination }) as Uint8Array;
    expect(() => session.decryptInto(ciphertext, destination, { mac: new Uint8Array(20), iv })).toThrow(
      AuthenticationError,
    );
    expect(toHex(destination)).toBe("00".repeat(96));
  });

  test("CipherWithMac refuses a mac of the wrong size, a mac in the destination, and misplaced keys", ({ device }) => {
    const session = start(device);
    for (const size of [0, 19, 21]) {
      expect(() => session.decrypt(pattern(96), { mac: new Uint8Array(size), iv })).toThrow(
        new RangeError(`mac for hmac-sha1: expected 20 bytes, got ${size}`),
      );
    }
    expect(() => session.encryptInto(pattern(96), new Uint8Array(96), { mac: new Uint8Array(19), iv })).toThrow(
      new RangeError("mac for hmac-sha1: expected at least 20 bytes, got 19"),
    );
    const place = pattern(128);
    const [data, mac] = [place.subarray(0, 96), place.subarray(90)];
    expect(() => session.encryptInto(data, data, { mac, iv })).toThrow(
      new RangeError("mac for hmac-sha1: expected memory apart from the destination"),
    );
    expect(() => device.cipherWithMac({ cipher: "aes-128-cbc", key, mac: "sha1", macKey })).toThrow(
      new TypeError("key for sha1: expected none; hmac-sha1 has one"),
    );
    expect(() => device.cipherWithMac({ cipher: "aes-128-cbc", key, mac: "hmac-sha1" })).toThrow(TypeError);
  });
});
