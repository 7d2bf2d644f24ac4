import { Buffer } from "node:buffer";
import type { CipherName, Device } from "@cryptodev/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern, toHex } from "../bytes.ts";

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
const counter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const vectors: readonly (readonly [
  section: string,
  CipherName,
  key: string,
  iv: string | undefined,
  ciphertext: string,
])[] = [
  [
    "F.1.1",
    "aes-128-ecb",
    keys[128],
    undefined,
    "3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf 43b1cd7f598ece23881b00e3ed030688 7b0c785e27e8ad3f8223207104725dd4",
  ],
  [
    "F.1.3",
    "aes-192-ecb",
    keys[192],
    undefined,
    "bd334f1d6e45f25ff712a214571fa5cc 974104846d0ad3ad7734ecb3ecee4eef ef7afd2270e2e60adce0ba2face6444e 9a4b41ba738d6c72fb16691603c18e0e",
  ],
  [
    "F.1.5",
    "aes-256-ecb",
    keys[256],
    undefined,
    "f3eed1bdb5d2a03c064b5a7e3db181f8 591ccb10d410ed26dc5ba74a31362870 b6ed21b99ca6f4f9f153e7b1beafed1d 23304b7a39f9f3ff067d8d8f9e24ecc7",
  ],
  [
    "F.2.1",
    "aes-128-cbc",
    keys[128],
    iv,
    "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2 73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7",
  ],
  [
    "F.2.3",
    "aes-192-cbc",
    keys[192],
    iv,
    "4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a 571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd",
  ],
  [
    "F.2.5",
    "aes-256-cbc",
    keys[256],
    iv,
    "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d 39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b",
  ],
  [
    "F.5.1",
    "aes-128-ctr",
    keys[128],
    counter,
    "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff 5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee",
  ],
  [
    "F.5.3",
    "aes-192-ctr",
    keys[192],
    counter,
    "1abc932417521ca24f2b0459fe7e6e0b 090339ec0aa6faefd5ccc2c6f4ce8e94 1e36b26bd1ebc670d1bd1d665620abf7 4f78a7f6d29809585a97daec58c6b050",
  ],
  [
    "F.5.5",
    "aes-256-ctr",
    keys[256],
    counter,
    "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5 2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6",
  ],
];

describe.each(backends)("a cipher session on the $name", (backend) => {
  let device: Device;
  beforeEach(() => {
    device = backend.open();
  });
  afterEach(() => device.close());

  test.each(vectors)("gives the known answer of SP 800-38A, %s (%s)", (_section, name, key, ivHex, ciphertext) => {
    const session = device.cipher(name, fromHex(key));
    const start = ivHex === undefined ? undefined : fromHex(ivHex);
    expect(toHex(session.encrypt(plaintext, start))).toBe(ciphertext.replaceAll(" ", ""));
    expect(toHex(session.decrypt(fromHex(ciphertext), start))).toBe(toHex(plaintext));
  });

  test("a name without a key size takes every size", () => {
    for (const key of Object.values(keys)) {
      const sized = device.cipher(`aes-${(key.length * 4) as 128 | 192 | 256}-cbc`, fromHex(key));
      const unsized = device.cipher("aes-cbc", fromHex(key));
      expect(unsized.encrypt(plaintext, fromHex(iv))).toEqual(sized.encrypt(plaintext, fromHex(iv)));
    }
  });

  test.each([
    ["aes-128-cbc", 32],
    ["aes-128-ctr", 16],
  ] as const)("%s goes on where the last operation ended when no iv is given", (name, first) => {
    const session = device.cipher(name, fromHex(keys[128]));
    const whole = session.encrypt(plaintext, fromHex(iv));
    const start = session.encrypt(plaintext.subarray(0, first), fromHex(iv));
    const rest = session.encrypt(plaintext.subarray(first));
    expect(toHex(start) + toHex(rest)).toBe(toHex(whole));
    const back = session.decrypt(whole.subarray(0, first), fromHex(iv));
    expect(toHex(back) + toHex(session.decrypt(whole.subarray(first)))).toBe(toHex(plaintext));
  });

  test("no bytes at all are encrypted to none, and their iv counts for what follows", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    expect(session.encrypt(new Uint8Array(), fromHex(iv))).toHaveLength(0);
    expect(toHex(session.encrypt(plaintext))).toBe(toHex(session.encrypt(plaintext, fromHex(iv))));
  });

  test("works into given memory, in place, and into memory with room to spare, and touches nothing else", () => {
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

  test("views into the middle of a buffer, shared memory and Buffer are bytes like any others", () => {
    const session = device.cipher("aes-128-cbc", fromHex(keys[128]));
    const expected = toHex(session.encrypt(plaintext, fromHex(iv)));
    const shared = new Uint8Array(new SharedArrayBuffer(80), 7, 64);
    shared.set(plaintext);
    expect(toHex(session.encrypt(shared, fromHex(iv)))).toBe(expected);
    session.encryptInto(shared, shared, fromHex(iv));
    expect(toHex(shared)).toBe(expected);
    expect(toHex(session.encrypt(Buffer.from(plaintext), Buffer.from(iv, "hex")))).toBe(expected);
  });

  test("null passes its data through, with neither key nor iv", () => {
    const session = device.cipher("null", new Uint8Array());
    expect(session.encrypt(pattern(1000))).toEqual(pattern(1000));
    expect(session.ivSize).toBe(0);
  });

  test("takes a mebibyte in one operation", () => {
    const session = device.cipher("aes-128-ctr", fromHex(keys[128]));
    const large = pattern(1 << 20);
    expect(session.decrypt(session.encrypt(large, fromHex(iv)), fromHex(iv))).toEqual(large);
  });

  test("tells its sizes, and what serves it", () => {
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
