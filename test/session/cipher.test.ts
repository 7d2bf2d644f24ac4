import { Buffer } from "node:buffer";
import type { Cipher } from "@cryptodev/core";
import { describe, expect } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { testOn } from "../device_fixture.ts";
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

describe.each(backends)("on the $name,", (backend) => {
  const test = testOn(backend);

  test.for(vectors.filter(({ algorithm }) => backend.has(algorithm)))(
    "Cipher.encrypt() and decrypt() return the known answer of $source with $algorithm",
    (vector, { device }) => {
      const session = device.cipher(vector.algorithm, fromHex(vector.key));
      const start = vector.iv === undefined ? undefined : fromHex(vector.iv);
      expect(toHex(session.encrypt(fromHex(vector.plaintext), start))).toBe(vector.ciphertext.replaceAll(" ", ""));
      expect(toHex(session.decrypt(fromHex(vector.ciphertext), start))).toBe(vector.plaintext.replaceAll(" ", ""));
    },
  );

  const missing = vectors.filter(({ algorithm }) => !backend.has(algorithm));
  test.for(missing)(
    "Device.cipher() names $algorithm, which this kernel does not have ($source)",
    (vector, { device }) => {
      const { algorithm, key } = vector;
      expect(() => device.cipher(algorithm, fromHex(key))).toThrow(
        expect.objectContaining({
          code: "EINVAL",
          ioctl: "CIOCGSESSION",
          message: expect.stringContaining(`the device cannot start ${algorithm}. `),
        }),
      );
    },
  );

  test.for([0, 16, 64, 80, 4096, 4112, 70_000])(
    "Cipher.encrypt() and CipherChunks.update() return %i bytes as a plain Uint8Array over memory of its own",
    (size, { device }) => {
      const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
      const encryptor = session.encryptor(fromHex(iv));
      const results = [session.encrypt(pattern(size), fromHex(iv)), encryptor.update(pattern(size))];
      const [first, second] = results as [Uint8Array, Uint8Array];
      expect(first).toEqual(second);
      expect(first.buffer).not.toBe(second.buffer);
      for (const result of results) {
        expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
        expect(result).toHaveLength(size);
        expect(result.buffer.byteLength).toBe(size);
      }
      const before = first.slice();
      session.encrypt(pattern(size, 99), fromHex(iv));
      encryptor.update(pattern(size, 99));
      expect([first, second]).toEqual([before, before]);
    },
  );

  test("Device.cipher() accepts every key size if the name has none", ({ device }) => {
    for (const key of Object.values(keys)) {
      const sized = device.cipher(`aes-${(key.length * 4) as 128 | 192 | 256}-cbc`, fromHex(key));
      const unsized = device.cipher("aes-cbc", fromHex(key));
      expect(unsized.encrypt(plaintext, fromHex(iv))).toEqual(sized.encrypt(plaintext, fromHex(iv)));
    }
  });

  const withIv = (["aes-128-cbc", "aes-128-ctr", "aes-128-xts", "aes-128-cfb", "aes-128-ofb"] as const).filter(
    backend.has,
  );
  test.for(withIv)(
    "Cipher of %s requires an iv for each operation, and does not continue from the previous one",
    (name, { device }) => {
      const session: Pick<Cipher, "encrypt" | "decrypt" | "encryptInto" | "decryptInto"> = device.cipher(
        name,
        pattern(name === "aes-128-xts" ? 32 : 16),
      );
      const expected = toHex(session.encrypt(plaintext, fromHex(iv)));
      for (const call of [
        () => session.encrypt(plaintext),
        () => session.encrypt(plaintext, undefined),
        () => session.decrypt(plaintext),
        () => session.encryptInto(plaintext, new Uint8Array(64)),
        () => session.decryptInto(plaintext, new Uint8Array(64)),
      ]) {
        expect(call).toThrow(new TypeError(`iv for ${name}: expected 16 bytes, got none`));
        expect(toHex(session.encrypt(plaintext, fromHex(iv)))).toBe(expected);
      }
    },
  );

  test("Cipher.encryptInto() requires an iv even if the memory is that of the previous operation", ({ device }) => {
    const session: Pick<Cipher, "encryptInto"> = device.cipher("aes-128-cbc", fromHex(keys[128]));
    const [source, destination, start] = [plaintext.slice(), new Uint8Array(64), fromHex(iv)];
    for (let times = 0; times < 3; times += 1) session.encryptInto(source, destination, start);
    expect(() => session.encryptInto(source, destination)).toThrow(
      new TypeError("iv for aes-128-cbc: expected 16 bytes, got none"),
    );
  });

  test.for([
    ["aes-128-cbc", 32],
    ["aes-128-ctr", 16],
    ["aes-128-ctr", 5],
  ] as const)(
    "Cipher.encryptor() continues from chunk to chunk, with %s after %i bytes",
    ([name, first], { device }) => {
      const session = device.cipher(name, fromHex(keys[128]));
      const whole = session.encrypt(plaintext, fromHex(iv));
      const [encryptor, decryptor] = [session.encryptor(fromHex(iv)), session.decryptor(fromHex(iv))];
      const parts = [encryptor.update(plaintext.subarray(0, first)), encryptor.update(plaintext.subarray(first))];
      expect([...parts, encryptor.final()].map(toHex).join("")).toBe(toHex(whole));
      const back = [decryptor.update(whole.subarray(0, first)), decryptor.update(whole.subarray(first))];
      expect([...back, decryptor.final()].map(toHex).join("")).toBe(toHex(plaintext));
    },
  );

  test("Cipher of ECB and null has no iv, and refuses one", ({ device }) => {
    for (const [name, size] of [
      ["aes-128-ecb", 16],
      ["aes-ecb", 24],
      ["null", 0],
    ] as const) {
      const session = device.cipher(name, pattern(size));
      expect(session.ivSize).toBe(0);
      expect(session.decrypt(session.encrypt(plaintext))).toEqual(plaintext);
      const wide = session as unknown as Cipher;
      expect(wide.encrypt(plaintext, undefined)).toEqual(session.encrypt(plaintext));
      const refusal = new RangeError(`iv for ${name}: expected none, as it has no iv; got a Uint8Array`);
      expect(() => wide.encrypt(plaintext, fromHex(iv))).toThrow(refusal);
      expect(() => wide.encryptInto(plaintext, new Uint8Array(64), fromHex(iv))).toThrow(refusal);
      expect(() => wide.encryptor(fromHex(iv))).toThrow(refusal);
      expect(() => wide.encryptor(fromHex(iv), {})).toThrow(refusal);
      expect(() => wide.decryptor(fromHex(iv))).toThrow(refusal);
      expect(wide.encryptor(undefined, {}).update(plaintext)).toEqual(session.encrypt(plaintext));
      expect(wide.encryptor().update(plaintext)).toEqual(session.encrypt(plaintext));
    }
  });

  test("Cipher.encrypt() encrypts no bytes to none", ({ device }) => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    expect(session.encrypt(new Uint8Array(), fromHex(iv))).toHaveLength(0);
    expect(session.encryptInto(new Uint8Array(), new Uint8Array(), fromHex(iv))).toBe(0);
  });

  test("Cipher.encryptInto() writes in place and to separate memory, and touches nothing else", ({ device }) => {
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

  test("Cipher.encryptInto() encrypts what its buffers hold at the time of the call", ({ device }) => {
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

  test("Cipher.encryptInto() returns the same for the same memory again, and notices what has changed since", ({
    device,
  }) => {
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
      expect(toHex(session.encrypt(source, pattern(16, 99)))).not.toBe(expected());
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

  test("Cipher.encrypt() accepts views into the middle of a buffer, shared memory and Buffer", ({ device }) => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    const expected = toHex(session.encrypt(plaintext, fromHex(iv)));
    const shared = new Uint8Array(new SharedArrayBuffer(80), 7, 64);
    shared.set(plaintext);
    expect(toHex(session.encrypt(shared, fromHex(iv)))).toBe(expected);
    session.encryptInto(shared, shared, fromHex(iv));
    expect(toHex(shared)).toBe(expected);
    expect(toHex(session.encrypt(Buffer.from(plaintext), Buffer.from(iv, "hex")))).toBe(expected);
  });

  test("Cipher.encrypt() of the null cipher passes data through, without key or iv", ({ device }) => {
    const session = device.cipher("null", new Uint8Array());
    expect(session.encrypt(pattern(1000))).toEqual(pattern(1000));
    expect(session.ivSize).toBe(0);
  });

  test("Cipher.encrypt() encrypts a mebibyte in one operation", ({ device }) => {
    const session = device.cipher("aes-128-ctr", fromHex(keys[128]));
    const large = pattern(1 << 20);
    const again = session.decrypt(session.encrypt(large, fromHex(iv)), fromHex(iv));
    // Not `toEqual`, which needs seconds for so many bytes.
    expect(Buffer.compare(again, large)).toBe(0);
  });

  test("Cipher has its name, its sizes and its driver", ({ device }) => {
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
