import real, { type CipherGCMTypes } from "node:crypto";
import type { NodeCrypto } from "cryptodev/crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { pattern } from "../bytes.ts";
import { runtimeName } from "../runtime.ts";
import { cryptoOn } from "./crypto_on.ts";

/* Compares every cipher with this runtime's node:crypto. */

const sizes = [128, 192, 256];
const plain: readonly [name: string, keySize: number, ivSize: number][] = [
  ...sizes.flatMap((bits) =>
    ["cbc", "cfb", "ctr", "ecb", "ofb"].map(
      (mode) => [`aes-${bits}-${mode}`, bits / 8, mode === "ecb" ? 0 : 16] as [string, number, number],
    ),
  ),
  ...sizes.map((bits) => [`camellia-${bits}-cbc`, bits / 8, 16] as [string, number, number]),
  ["des-ede3-cbc", 24, 8],
  ["des-cbc", 8, 8],
  ["bf-cbc", 16, 8],
];
const aeads = sizes.flatMap((bits) => ["gcm", "ccm"].map((mode) => `aes-${bits}-${mode}`));
/** Checks by starting it: Bun and OpenSSL also list ciphers that they cannot start. */
const has = (name: string, key: Uint8Array, iv: Uint8Array | null, options?: object): boolean => {
  try {
    real.createCipheriv(name, key, iv, options);
    return true;
  } catch {
    return false;
  }
};

const keyOf = (size: number) => pattern(size, 11);
const ivOf = (size: number) => (size === 0 ? null : pattern(size, 200));
const known = plain.filter(([name, keySize, ivSize]) => has(name, keyOf(keySize), ivOf(ivSize)));
const knownAeads = aeads.filter((name) =>
  has(name, keyOf(Number(name.slice(4, 7)) / 8), pattern(12), { authTagLength: 16 }),
);
const isXts = has("aes-128-xts", keyOf(32), pattern(16));
const missing = [...plain.map(([name]) => name), ...aeads].filter(
  (name) => !known.some(([other]) => other === name) && !knownAeads.includes(name),
);

/** Encrypts or decrypts data in chunks that end at `cuts`. Returns the result of each, and of final(). */
function inPieces(cipher: real.Cipher | real.Decipher, data: Uint8Array, cuts: readonly number[]): Buffer[] {
  const results: Buffer[] = [];
  let done = 0;
  for (const cut of [...cuts].sort((one, other) => one - other)) {
    const end = Math.min(cut, data.length);
    results.push(cipher.update(data.subarray(done, end)));
    done = end;
  }
  return [...results, cipher.update(data.subarray(done)), cipher.final()];
}

const encodings = ["hex", "base64", "base64url", "latin1", "utf8", "utf16le"] as const;

if (missing.length > 0) {
  test.skip(`some ciphers are not compared, because node:crypto of ${runtimeName} does not have them: ${missing.join(", ")}`, () => {});
}

describe.each(backends)("createCipheriv and createDecipheriv on the $name", (backend) => {
  const crypto = cryptoOn(backend.open());

  const names = crypto.getCiphers();
  const started = known.filter(([name]) => names.includes(name));

  test.each(started)("return the same bytes as node:crypto for chunks of any size: %s", (name, keySize, ivSize) => {
    const [key, iv] = [keyOf(keySize), ivOf(ivSize)];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.array(fc.nat(100), { maxLength: 6 }),
        fc.boolean(),
        (data, cuts, pads) => {
          const source = pads ? data : data.subarray(0, data.length - (data.length % 16));
          const [ours, theirs] = [crypto, real].map((from) => {
            const cipher = from.createCipheriv(name, key, iv).setAutoPadding(pads);
            const encrypted = inPieces(cipher, source, cuts);
            const decipher = from.createDecipheriv(name, key, iv).setAutoPadding(pads);
            return [encrypted, inPieces(decipher, Buffer.concat(encrypted), cuts)];
          });
          expect(ours).toEqual(theirs);
        },
      ),
      { numRuns: backend.name.includes("x86_64") ? 60 : 8 },
    );
  });

  test.each(started)("support every encoding of data and results: %s", (name, keySize, ivSize) => {
    const [key, iv] = [keyOf(keySize), ivOf(ivSize)];
    for (const output of encodings) {
      const [ours, theirs] = [crypto, real].map((from) => {
        const cipher = from.createCipheriv(name, key, iv);
        const encrypted = ["zażółć ", "gęślą", " jaźń, fire: \u{1f525}"].map((text) =>
          cipher.update(text, "utf8", output),
        );
        return [...encrypted, cipher.final(output)];
      });
      expect(ours).toEqual(theirs);
    }
    for (const input of ["hex", "base64", "latin1"] as const) {
      const [ours, theirs] = [crypto, real].map((from) => {
        const cipher = from.createCipheriv(name, key, iv);
        return cipher.update(Buffer.from(pattern(50)).toString(input), input, "hex") + cipher.final("hex");
      });
      expect(ours).toBe(theirs);
    }
  });

  test.each([16, 256, 4096, 70_000])("return %i bytes in memory that contains no more than node:crypto's", (size) => {
    const [ours, theirs] = [crypto, real].map((from) => {
      const cipher = from.createCipheriv("aes-128-cbc", keyOf(16), ivOf(16));
      return [cipher.update(pattern(size)), cipher.update(pattern(size, 99))];
    });
    expect(ours).toEqual(theirs);
    // Bun's own has room for one more block.
    const most = theirs?.[0]?.buffer.byteLength ?? 0;
    for (const result of ours ?? []) {
      expect(Buffer.isBuffer(result)).toBe(true);
      expect(result.buffer.byteLength).toBeLessThanOrEqual(most);
    }
  });

  test("accept every type of key, iv and data", () => {
    const bytes = pattern(16);
    const text = "sixteen bytes ok";
    const secret = real.createSecretKey(bytes);
    const keys = [bytes, Buffer.from(bytes), bytes.buffer, new DataView(bytes.buffer), secret, text];
    // Not every runtime accepts all types, so its own node:crypto gets the same bytes as Buffers.
    const plainly = (value: unknown): Buffer => {
      if (value === secret) return secret.export();
      if (!ArrayBuffer.isView(value)) return Buffer.from(value as string);
      return Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
    };
    const encrypt = (from: NodeCrypto, key: unknown, iv: unknown, data: readonly unknown[]): string => {
      const cipher = from.createCipheriv("aes-128-cbc", key as Buffer, iv as Buffer);
      return Buffer.concat([...data.map((piece) => cipher.update(piece as Buffer)), cipher.final()]).toString("hex");
    };
    const data = [new DataView(bytes.buffer, 3, 5), new Uint32Array(bytes.buffer), "text"];
    for (const key of keys) {
      for (const iv of [bytes, bytes.buffer, new Uint16Array(bytes.buffer), text]) {
        expect(encrypt(crypto, key, iv, data)).toBe(encrypt(real, plainly(key), plainly(iv), data.map(plainly)));
      }
    }
    expect(secret.export()).toEqual(Buffer.from(bytes));
    expect(bytes).toEqual(pattern(16));
  });

  test.each(knownAeads)("return the same as node:crypto with any chunks, aad and tag size: %s", (name) => {
    const key = keyOf(Number(name.slice(4, 7)) / 8);
    const isCcm = name.endsWith("ccm");
    // Deno supports only one tag size.
    const tagSizes = isCcm ? [4, 6, 8, 10, 12, 14, 16] : runtimeName === "Deno" ? [16] : [4, 8, 12, 13, 14, 15, 16];
    for (const authTagLength of tagSizes) {
      for (const [size, aad, cuts] of [
        [0, undefined, []],
        [0, pattern(20), []],
        [100, undefined, isCcm ? [] : [1, 17, 50]],
        [100, pattern(4096), isCcm ? [] : [99]],
      ] as const) {
        if (isCcm && size === 0) continue;
        const nonce = pattern(isCcm ? 13 : 12, 5);
        const options = { plaintextLength: size };
        const [ours, theirs] = [crypto, real].map((from) => {
          const cipher = from.createCipheriv(name as CipherGCMTypes, key, nonce, { authTagLength });
          // Our GCM accepts aad in chunks, Deno's does not.
          const cut = from === crypto && !isCcm && aad !== undefined ? 7 : aad?.length;
          if (aad !== undefined) cipher.setAAD(aad.subarray(0, cut), options);
          if (aad !== undefined && cut === 7) cipher.setAAD(aad.subarray(cut), options);
          const pieces = isCcm ? [cipher.update(pattern(size)), cipher.final()] : inPieces(cipher, pattern(size), cuts);
          const encrypted = Buffer.concat(pieces);
          const tag = cipher.getAuthTag();
          const decipher = from.createDecipheriv(name as CipherGCMTypes, key, nonce, { authTagLength });
          decipher.setAuthTag(tag);
          if (aad !== undefined) decipher.setAAD(aad, options);
          const decrypted = Buffer.concat([decipher.update(encrypted), decipher.final()]);
          return { pieces, tag, decrypted };
        });
        expect(ours).toEqual(theirs);
        expect(ours?.decrypted).toEqual(Buffer.from(pattern(size)));
      }
    }
  });

  test("copy the data of GCM, which the program may change afterwards", () => {
    const cipher = crypto.createCipheriv("aes-128-gcm", pattern(16), pattern(12));
    const model = real.createCipheriv("aes-128-gcm", pattern(16), pattern(12));
    const memory = Buffer.from("secret");
    expect(cipher.update(memory)).toEqual(model.update(memory));
    memory.fill(0);
    cipher.final();
    model.final();
    expect(cipher.getAuthTag()).toEqual(model.getAuthTag());
  });

  test.runIf(isXts).each([
    ["aes-128-xts", 32],
    ["aes-256-xts", 64],
  ])("encrypt each chunk as a sector: %s", (name, keySize) => {
    // OpenSSL accepts several sectors for one cipher object only before Node.js 26, so create one for each.
    const cipher = crypto.createCipheriv(name, keyOf(keySize), pattern(16));
    const decipher = crypto.createDecipheriv(name, keyOf(keySize), pattern(16));
    for (const size of [512, 16, 512]) {
      const sector = cipher.update(pattern(size));
      expect(sector).toEqual(real.createCipheriv(name, keyOf(keySize), pattern(16)).update(pattern(size)));
      expect(decipher.update(sector)).toEqual(Buffer.from(pattern(size)));
    }
    expect([cipher.final(), decipher.final()]).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
  });

  test("accept names in any case, and OpenSSL's other names", () => {
    const bytes = pattern(24);
    for (const [name, other, keySize, ivSize] of [
      ["aes-128-cbc", "AES128", 16, 16],
      ["aes-256-cbc", "aes256", 32, 16],
      ["aes-128-gcm", "id-aes128-GCM", 16, 12],
      ["des-ede3-cbc", "des3", 24, 8],
    ] as const) {
      const [one, two] = [name, other].map((spelt) => {
        const cipher = crypto.createCipheriv(spelt, pattern(keySize), pattern(ivSize));
        return cipher.update(bytes, undefined, "hex") + cipher.final("hex");
      });
      expect(one).toBe(two);
    }
  });

  test("start every cipher that getCiphers() lists", () => {
    const listed = crypto.getCiphers();
    expect(listed).toEqual([...listed].sort());
    const names = listed.filter((name) => /^[a-z0-9]+(-\d+|-ede3)?-[a-z]+$/.test(name));
    // Newer kernels do not have these modes, each of which has three key sizes.
    const gone = ["aes-cfb", "aes-ofb"].filter((name) => !backend.has(name));
    expect(names).toHaveLength(29 - 3 * gone.length);
    // The others are further names that this runtime's node:crypto lists.
    const others = listed.filter((name) => !names.includes(name));
    expect(real.getCiphers()).toEqual(expect.arrayContaining(others));
    // Older versions of Node.js list this name in mixed case.
    const lowerCase = others.map((name) => name.toLowerCase());
    if (runtimeName === "Node.js") {
      expect(lowerCase).toEqual(expect.arrayContaining(["aes128", "des3", "id-aes256-gcm"]));
    }
    for (const name of others) expect(() => crypto.createCipheriv(name, "", "")).not.toThrow("Unknown cipher");
    for (const name of names) {
      const size = /\d{3}/.exec(name)?.[0];
      const keySize = name.startsWith("des-ede")
        ? 24
        : size === undefined
          ? 8
          : Number(size) / (name.endsWith("xts") ? 4 : 8);
      const ivSize = /ecb$/.test(name) ? 0 : /gcm|ccm/.test(name) ? 12 : /^(des|bf)/.test(name) ? 8 : 16;
      const cipher = crypto.createCipheriv(name, keyOf(keySize), ivOf(ivSize), { authTagLength: 16 } as object);
      cipher.final();
    }
  });
});
