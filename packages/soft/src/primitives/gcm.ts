import { type CipherGCMTypes, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { type AeadCipher, fitsTag, type Sealed } from "./aead.ts";
import { aes, isAvailable } from "./cipher.ts";
import { ctr } from "./ctr.ts";
import { xor } from "./xor.ts";

const BLOCK = 16;

/** Multiplies `x` by `h` in GF(2^128), most significant bit first (NIST SP 800-38D, section 6.3). */
function multiply(x: Uint32Array, h: Uint32Array): Uint32Array {
  const z = new Uint32Array(4);
  const v = h.slice();
  for (let index = 0; index < 128; index += 1) {
    const bit = ((x[index >>> 5] as number) >>> (31 - (index & 31))) & 1;
    const odd = (v[3] as number) & 1;
    for (let word = 0; word < 4; word += 1) (z[word] as number) ^= bit === 1 ? (v[word] as number) : 0;
    for (let word = 3; word > 0; word -= 1) v[word] = ((v[word] as number) >>> 1) | ((v[word - 1] as number) << 31);
    v[0] = ((v[0] as number) >>> 1) ^ (odd === 1 ? 0xe1000000 : 0);
  }
  return z;
}

/** GHASH (section 6.4) over aad and ciphertext, each filled up to whole blocks, and their lengths in bits. */
function ghash(subkey: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const roundUp = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;
  const input = new Uint8Array(roundUp(aad.length) + roundUp(ciphertext.length) + BLOCK);
  input.set(aad);
  input.set(ciphertext, roundUp(aad.length));
  const view = new DataView(input.buffer);
  view.setBigUint64(input.length - 16, BigInt(aad.length) * 8n);
  view.setBigUint64(input.length - 8, BigInt(ciphertext.length) * 8n);

  const words = (bytes: Uint8Array): Uint32Array => {
    const of = new DataView(bytes.buffer, bytes.byteOffset);
    return Uint32Array.from([0, 4, 8, 12], (at) => of.getUint32(at));
  };
  const h = words(subkey);
  let y = new Uint32Array(4);
  for (let start = 0; start < input.length; start += BLOCK) {
    const block = words(input.subarray(start, start + BLOCK));
    y = Uint32Array.from(
      multiply(
        y.map((word, index) => word ^ (block[index] as number)),
        h,
      ),
    );
  }
  const digest = new Uint8Array(BLOCK);
  for (const [index, word] of y.entries()) new DataView(digest.buffer).setUint32(index * 4, word);
  return digest;
}

/** GCM on AES in counter mode (section 7.1), for a key size that node:crypto lacks in some runtime. */
function composed(key: Uint8Array): Pick<AeadCipher, "seal" | "wipe"> {
  const block = aes(key);
  const counter = ctr(key);
  const subkey = block.encrypt(new Uint8Array(BLOCK));
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
      // Not every runtime takes shorter tags. The key stream undoes itself, and a second pass gives the whole tag.
      const plaintext = seal(iv, aad, ciphertext, BLOCK).ciphertext;
      const expected: Sealed = seal(iv, aad, plaintext, BLOCK);
      return { plaintext, authentic: fitsTag(expected.tag, tag) };
    },
  };
}
