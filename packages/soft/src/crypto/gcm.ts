import { type CipherGCMTypes, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { type AeadCipher, fitsTag, type Sealed } from "./aead.ts";
import { aes, isAvailable } from "./cipher.ts";
import { ctr } from "./ctr.ts";
import { secretWords } from "./secret.ts";
import { xor } from "./xor.ts";

const BLOCK = 16;

/** Multiplies `y` by `h` in GF(2^128), most significant bit first (NIST SP 800-38D, section 6.3). */
function multiply(y: Int32Array, h: Int32Array): void {
  let [z0, z1, z2, z3] = [0, 0, 0, 0];
  let [v0, v1, v2, v3] = [h[0] as number, h[1] as number, h[2] as number, h[3] as number];
  for (let index = 0; index < 128; index += 1) {
    // All ones or all zeros, so that no branch depends on secret bits.
    const bit = -(((y[index >>> 5] as number) >>> (31 - (index & 31))) & 1);
    z0 ^= v0 & bit;
    z1 ^= v1 & bit;
    z2 ^= v2 & bit;
    z3 ^= v3 & bit;
    const odd = -(v3 & 1);
    v3 = (v3 >>> 1) | (v2 << 31);
    v2 = (v2 >>> 1) | (v1 << 31);
    v1 = (v1 >>> 1) | (v0 << 31);
    v0 = (v0 >>> 1) ^ (odd & 0xe1000000);
  }
  y[0] = z0;
  y[1] = z1;
  y[2] = z2;
  y[3] = z3;
}

/** GHASH (section 6.4) over aad and ciphertext, each padded to whole blocks, and their lengths in bits. */
function ghash(subkey: Int32Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const roundUp = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;
  const input = new Uint8Array(roundUp(aad.length) + roundUp(ciphertext.length) + BLOCK);
  input.set(aad);
  input.set(ciphertext, roundUp(aad.length));
  const view = new DataView(input.buffer);
  view.setBigUint64(input.length - 16, BigInt(aad.length) * 8n);
  view.setBigUint64(input.length - 8, BigInt(ciphertext.length) * 8n);

  const y = new Int32Array(4);
  for (let start = 0; start < input.length; start += BLOCK) {
    for (let word = 0; word < 4; word += 1) (y[word] as number) ^= view.getInt32(start + word * 4);
    multiply(y, subkey);
  }
  const digest = new Uint8Array(BLOCK);
  for (const [index, word] of y.entries()) new DataView(digest.buffer).setInt32(index * 4, word);
  return digest;
}

/** GCM on AES in counter mode (section 7.1), for a key size that node:crypto does not support in some runtimes. */
function composed(key: Uint8Array): Pick<AeadCipher, "seal" | "wipe"> {
  const block = aes(key);
  const counter = ctr(key);
  const subkey = secretWords(BLOCK / 4);
  const encrypted = block.encrypt(new Uint8Array(BLOCK));
  const view = new DataView(encrypted.buffer, encrypted.byteOffset, BLOCK);
  for (let word = 0; word < subkey.length; word += 1) subkey[word] = view.getInt32(word * 4);
  encrypted.fill(0);
  const seal: AeadCipher["seal"] = (iv, aad, plaintext) => {
    const j0 = new Uint8Array(BLOCK);
    j0.set(iv);
    j0[15] = 1;
    const mask = block.encrypt(j0);
    j0[15] = 2;
    const ciphertext = counter.crypt(false, plaintext, j0);
    return { ciphertext, tag: xor(ghash(subkey, aad, ciphertext), mask) };
  };
  return {
    seal,
    wipe() {
      block.wipe();
      subkey.fill(0);
    },
  };
}

function nodeGcm(name: CipherGCMTypes, key: KeyObject): Pick<AeadCipher, "seal" | "wipe"> {
  const seal: AeadCipher["seal"] = (iv, aad, plaintext) => {
    const cipher = createCipheriv(name, key, iv);
    if (aad.length > 0) cipher.setAAD(aad);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return { ciphertext, tag: cipher.getAuthTag() };
  };
  return { seal, wipe: () => {} };
}

/** AES-GCM (NIST SP 800-38D) with ivs of 12 bytes. */
export function gcm(key: Uint8Array): AeadCipher {
  const name = `aes-${key.length * 8}-gcm` as CipherGCMTypes;
  const isNative = isAvailable(name);
  const secret = createSecretKey(key);
  const { seal, wipe } = isNative ? nodeGcm(name, secret) : composed(key);
  return {
    seal,
    wipe,
    open(iv, aad, ciphertext, tag) {
      if (isNative && tag.length === BLOCK) {
        const decipher = createDecipheriv(name, secret, iv);
        if (aad.length > 0) decipher.setAAD(aad);
        decipher.setAuthTag(tag);
        const plaintext = decipher.update(ciphertext);
        try {
          decipher.final();
          return { plaintext, authentic: true };
        } catch {
          return { plaintext, authentic: false };
        }
      }
      // Not every runtime accepts shorter tags. Applying the key stream twice restores the data, so a second pass
      // computes the whole tag.
      const plaintext = seal(iv, aad, ciphertext, BLOCK).ciphertext;
      const expected: Sealed = seal(iv, aad, plaintext, BLOCK);
      return { plaintext, authentic: fitsTag(expected.tag, tag) };
    },
  };
}
