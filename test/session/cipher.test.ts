import { Buffer } from "node:buffer";
import type { Device } from "@cryptodev/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { detach } from "../memory.ts";
import { vectors } from "../vectors/ciphers.ts";

// NIST SP 800-38A, appendix F.
const plaintext = fromHex(
  "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710",
);
const keys = {
  128: "2b7e151628aed2a6abf7158809cf4f3c",
  192: "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
  256: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
};
const iv = "000102030405060708090a0b0c0d0e0f";

describe.each(backends)("a cipher session on the $name", (backend) => {
  let device: Device;
  beforeEach(() => {
    device = backend.open();
  });
  afterEach(() => device.close());

  test.each(vectors.filter(({ algorithm }) => backend.has(algorithm)))(
    "returns the known answer of $source with $algorithm",
    (vector) => {
      const session = device.cipher(vector.algorithm, fromHex(vector.key));
      const start = vector.iv === undefined ? undefined : fromHex(vector.iv);
      expect(toHex(session.encrypt(fromHex(vector.plaintext), start))).toBe(vector.ciphertext.replaceAll(" ", ""));
      expect(toHex(session.decrypt(fromHex(vector.ciphertext), start))).toBe(vector.plaintext.replaceAll(" ", ""));
    },
  );

  const missing = vectors.filter(({ algorithm }) => !backend.has(algorithm));
  test.each(missing)("refuses $algorithm, which this kernel does not have, by its name ($source)", (vector) => {
    const { algorithm, key } = vector;
    expect(() => device.cipher(algorithm, fromHex(key))).toThrow(
      expect.objectContaining({
        code: "EINVAL",
        ioctl: "CIOCGSESSION",
        message: expect.stringContaining(`the device cannot start ${algorithm}. `),
      }),
    );
  });

  test("accepts every key size if its name has none", () => {
    for (const key of Object.values(keys)) {
      const sized = device.cipher(`aes-${(key.length * 4) as 128 | 192 | 256}-cbc`, fromHex(key));
      const unsized = device.cipher("aes-cbc", fromHex(key));
      expect(unsized.encrypt(plaintext, fromHex(iv))).toEqual(sized.encrypt(plaintext, fromHex(iv)));
    }
  });

  test.each([
    ["aes-128-cbc", 32],
    ["aes-128-ctr", 16],
  ] as const)("continues from the end of the last operation if the iv is omitted, with %s", (name, first) => {
    const session = device.cipher(name, fromHex(keys[128]));
    const whole = session.encrypt(plaintext, fromHex(iv));
    const start = session.encrypt(plaintext.subarray(0, first), fromHex(iv));
    const rest = session.encrypt(plaintext.subarray(first));
    expect(toHex(start) + toHex(rest)).toBe(toHex(whole));
    const back = session.decrypt(whole.subarray(0, first), fromHex(iv));
    expect(toHex(back) + toHex(session.decrypt(whole.subarray(first)))).toBe(toHex(plaintext));
  });

  const streams = (["aes-128-ctr", "aes-128-cfb", "aes-128-ofb"] as const).filter(backend.has);
  test.each(streams)("does not continue from within a block, with %s", (name) => {
    const session = device.cipher(name, fromHex(keys[128]));
    session.encrypt(plaintext.subarray(0, 5), fromHex(iv));
    expect(() => session.encrypt(plaintext.subarray(5))).toThrow(TypeError);
    session.encrypt(plaintext.subarray(0, 32), fromHex(iv));
    expect(session.encrypt(plaintext.subarray(32))).toHaveLength(32);
  });

  test("requires an iv for each operation of XTS", () => {
    const session = device.cipher("aes-128-xts", pattern(32));
    session.encrypt(plaintext, fromHex(iv));
    expect(() => session.encrypt(plaintext)).toThrow(new TypeError("iv for aes-128-xts: expected 16 bytes, got none"));
  });

  test("encrypts no bytes to none, and continues from the iv of that operation", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    expect(session.encrypt(new Uint8Array(), fromHex(iv))).toHaveLength(0);
    expect(toHex(session.encrypt(plaintext))).toBe(toHex(session.encrypt(plaintext, fromHex(iv))));
  });

  test("writes to existing memory, in place, and to memory with room to spare, and touches nothing else", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    const expected = session.encrypt(plaintext, fromHex(iv));

    const roomy = new Uint8Array(100).fill(0xee);
    expect(session.encryptInto(plaintext, roomy, fromHex(iv))).toBe(64);
    expect(toHex(roomy)).toBe(toHex(expected) + "ee".repeat(36));

    const place = plaintext.slice();
    expect(session.encryptInto(place, place, fromHex(iv))).toBe(64);
    expect(toHex(place)).toBe(toHex(expected));
    expect(session.decryptInto(place, place, fromHex(iv))).toBe(64);
    expect(toHex(place)).toBe(toHex(plaintext));

    const both = new Uint8Array(128);
    both.set(plaintext);
    session.encryptInto(both.subarray(0, 64), both.subarray(64), fromHex(iv));
    expect(toHex(both)).toBe(toHex(plaintext) + toHex(expected));
  });

  test("reuses buffers whose bytes change, and follows a caller to other buffers", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    const source = new Uint8Array(16);
    const destination = new Uint8Array(16);
    for (let round = 0; round < 50; round += 1) {
      source.fill(round);
      session.encryptInto(source, destination, fromHex(iv));
      const fresh = session.encrypt(new Uint8Array(16).fill(round), fromHex(iv));
      expect(toHex(destination)).toBe(toHex(fresh));
    }
  });

  test("returns the same for the same memory again, and notices what has changed since", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    const [source, destination, start] = [plaintext.slice(), new Uint8Array(64), fromHex(iv)];
    const expected = () => toHex(device.cipher("aes-128-cbc", fromHex(keys[128])).encrypt(source, start));
    for (let round = 0; round < 3; round += 1) {
      session.encryptInto(source, destination, start);
      expect(toHex(destination)).toBe(expected());
      // Another direction, other memory and other content in between.
      session.decryptInto(destination, destination, start);
      expect(toHex(destination)).toBe(toHex(source));
      session.encryptInto(source, destination, start);
      session.decryptInto(source, destination, start);
      session.encryptInto(source, destination, start);
      expect(toHex(session.encrypt(source))).not.toBe(expected());
      source[0] = round;
      start[0] = round + 1;
    }
    for (const missing of [undefined, null] as unknown as Uint8Array[]) {
      expect(() => session.encryptInto(missing, missing, missing)).toThrow(
        /^source for aes-128-cbc: expected a Uint8Array/,
      );
    }
    detach(destination);
    expect(() => session.encryptInto(source, destination, start)).toThrow(/its memory is gone/);
  });

  test("accepts views into the middle of a buffer, shared memory and Buffer", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    const expected = toHex(session.encrypt(plaintext, fromHex(iv)));
    const shared = new Uint8Array(new SharedArrayBuffer(80), 7, 64);
    shared.set(plaintext);
    expect(toHex(session.encrypt(shared, fromHex(iv)))).toBe(expected);
    session.encryptInto(shared, shared, fromHex(iv));
    expect(toHex(shared)).toBe(expected);
    expect(toHex(session.encrypt(Buffer.from(plaintext), Buffer.from(iv, "hex")))).toBe(expected);
  });

  test("passes data through with the null cipher, without key or iv", () => {
    const session = device.cipher("null", new Uint8Array());
    expect(session.encrypt(pattern(1000))).toEqual(pattern(1000));
    expect(session.ivSize).toBe(0);
  });

  test("encrypts a mebibyte in one operation", () => {
    const session = device.cipher("aes-128-ctr", fromHex(keys[128]));
    const large = pattern(1 << 20);
    const again = session.decrypt(session.encrypt(large, fromHex(iv)), fromHex(iv));
    // Not `toEqual`, which needs seconds for so many bytes.
    expect(Buffer.compare(again, large)).toBe(0);
  });

  test("reports its sizes and its driver", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    expect(session).toMatchObject({ name: "aes-128-cbc", blockSize: 16, ivSize: 16, closed: false });
    const { cipher, mac, alignmask, hardware } = session.info();
    expect(cipher?.name).toBe("cbc(aes)");
    expect(cipher?.driver).not.toBe("");
    expect(mac).toBeUndefined();
    expect(alignmask).toBeGreaterThanOrEqual(0);
    expect(typeof hardware).toBe("boolean");
  });
});
