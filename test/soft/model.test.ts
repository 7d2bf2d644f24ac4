import { createCipheriv, createDecipheriv, createHash, createHmac, getCiphers } from "node:crypto";
import { type CipherName, Device, type HashName } from "@cryptodev/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { ways } from "../software.ts";
import { parametersOf } from "./random.ts";

/* Long random sequences on several sessions at once, compared with one computation over the whole message. */

const hashNames: readonly HashName[] = ["md5", "sha1", "ripemd160", "sha224", "sha256", "sha384", "sha512"];

const hashStep = fc.record({
  session: fc.nat(5),
  kind: fc.constantFrom("update", "update", "update", "digest", "last"),
  size: fc.oneof(fc.nat(200), fc.nat(5000)),
  seed: fc.nat(255),
});

interface Mode {
  readonly name: CipherName;
  /** node:crypto's name for it, if this runtime has it. */
  readonly native: string;
  readonly keySize: number;
  readonly blockSize: number;
  readonly ivSize: number;
}

const bits = [128, 192, 256] as const;
const modes: readonly Mode[] = [
  ...bits.flatMap((size) =>
    (["cbc", "ctr", "cfb", "ofb", "ecb"] as const).map((mode) => ({
      name: `aes-${size}-${mode}` as const,
      native: `aes-${size}-${mode}`,
      keySize: size / 8,
      blockSize: 16,
      ivSize: mode === "ecb" ? 0 : 16,
    })),
  ),
  ...bits.map((size) => ({
    name: `camellia-${size}-cbc` as const,
    native: `camellia-${size}-cbc`,
    keySize: size / 8,
    blockSize: 16,
    ivSize: 16,
  })),
  { name: "3des-cbc", native: "des-ede3-cbc", keySize: 24, blockSize: 8, ivSize: 8 },
  { name: "des-cbc", native: "des-cbc", keySize: 8, blockSize: 8, ivSize: 8 },
  { name: "blowfish-cbc", native: "bf-cbc", keySize: 16, blockSize: 8, ivSize: 8 },
];
const available = new Set(getCiphers());
const compared = modes.filter(({ native }) => available.has(native) && !/^(bf|des)-cbc$/.test(native));

/**
 * Processes the whole message at once: with node:crypto if this runtime has the mode, else with one operation of the
 * device.
 */
function atOnce(
  device: Device,
  mode: Mode,
  decrypt: boolean,
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
): string {
  if (compared.includes(mode)) {
    const start = mode.ivSize === 0 ? null : iv;
    const cipher = decrypt ? createDecipheriv(mode.native, key, start) : createCipheriv(mode.native, key, start);
    cipher.setAutoPadding(false);
    return cipher.update(data).toString("hex");
  }
  const session = device.cipher(mode.name, key);
  const start = mode.ivSize === 0 ? undefined : iv;
  return toHex(decrypt ? session.decrypt(data, start) : session.encrypt(data, start));
}

describe.each(ways)("the software device, $name,", async ({ reach }) => {
  const { host, path } = await reach();

  test("Hash.digest() of a message in random pieces returns what node:crypto returns for the whole message", () => {
    const property = fc.property(fc.array(hashStep, { maxLength: 60 }), fc.nat(6), (steps, first) => {
      const device = Device.open(host, { path });
      const key = pattern(40);
      const sessions = Array.from({ length: 6 }, (_, index) => {
        const name = hashNames[(first + index) % hashNames.length] as HashName;
        const keyed = index % 2 === 0;
        return {
          session: keyed ? device.hmac(name, key) : device.hash(name),
          direct: () => (keyed ? createHmac(name, key) : createHash(name)),
          message: [] as Uint8Array[],
        };
      });
      for (const { session: index, kind, size, seed } of steps) {
        const { session, direct, message } = sessions[index] as (typeof sessions)[number];
        const piece = pattern(size, seed);
        if (kind !== "digest") message.push(piece);
        if (kind === "update") {
          session.update(piece);
          continue;
        }
        const digest = kind === "digest" ? session.digest() : session.digest(piece);
        const expected = message.splice(0).reduce((hash, part) => hash.update(part), direct());
        expect(toHex(digest)).toBe(expected.digest("hex"));
      }
      device.close();
    });
    fc.assert(property, parametersOf("hashes in pieces", 100) as fc.Parameters<[unknown[], number]>);
  });

  test("Cipher.encryptor() and decryptor() return for random chunks what node:crypto returns for the whole data", () => {
    console.log(`compared with node:crypto: ${compared.map(({ name }) => name).join(", ")}`);
    const chunks = fc.array(fc.oneof(fc.nat(4), fc.nat(300)), { minLength: 1, maxLength: 12 });
    const property = fc.property(
      fc.constantFrom(...modes),
      fc.boolean(),
      chunks,
      fc.nat(255),
      (mode, decrypt, blocks, seed) => {
        const device = Device.open(host, { path });
        const [key, iv] = [pattern(mode.keySize, seed), pattern(mode.ivSize, seed + 1)];
        const session = device.cipher(mode.name, key);
        const chunks = session[decrypt ? "decryptor" : "encryptor"](mode.ivSize > 0 ? iv : undefined);
        const sizes = blocks.map((count) => count * mode.blockSize);
        const whole = pattern(
          sizes.reduce((sum, size) => sum + size, 0),
          seed + 2,
        );
        let done = 0;
        let result = "";
        for (const [index, size] of sizes.entries()) {
          const chunk = whole.slice(done, done + size);
          result += toHex(chunks.update(chunk));
          // Between two chunks, the session does other work, every other time in place.
          const target = index % 2 === 0 ? chunk : new Uint8Array(size);
          session.encryptInto(chunk, target, mode.ivSize > 0 ? iv : undefined);
          done += size;
        }
        result += toHex(chunks.final());
        expect(result).toBe(atOnce(device, mode, decrypt, key, iv, whole));
        device.close();
      },
    );
    fc.assert(property, parametersOf("ciphers in chunks", 150) as fc.Parameters<[Mode, boolean, number[], number]>);
  });
});
