import { type CipherGCMTypes, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { type AeadCipher, fitsTag } from "./aead.ts";
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

/** GHASH (section 6.4), over the aad and then the ciphertext. */
class Ghash {
  readonly #subkey: Int32Array;
  readonly #y = new Int32Array(4);

  constructor(subkey: Int32Array) {
    this.#subkey = subkey;
  }

  /** Absorbs data, padded to whole blocks. */
  update(data: Uint8Array): void {
    const rest = data.length % BLOCK;
    const whole = data.subarray(0, data.length - rest);
    const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
    for (let start = 0; start < whole.length; start += BLOCK) this.#absorb(view, start);
    if (rest === 0) return;
    const last = new Uint8Array(BLOCK);
    last.set(data.subarray(whole.length));
    this.#absorb(new DataView(last.buffer), 0);
  }

  #absorb(view: DataView, start: number): void {
    const y = this.#y;
    for (let word = 0; word < 4; word += 1) (y[word] as number) ^= view.getInt32(start + word * 4);
    multiply(y, this.#subkey);
  }

  /** Returns the digest. The sizes, in bytes, are those of all data. */
  digest(aadSize: number, size: number): Uint8Array {
    const sizes = new DataView(new ArrayBuffer(BLOCK));
    sizes.setBigUint64(0, BigInt(aadSize) * 8n);
    sizes.setBigUint64(8, BigInt(size) * 8n);
    this.#absorb(sizes, 0);
    const digest = new DataView(new ArrayBuffer(BLOCK));
    for (const [index, word] of this.#y.entries()) digest.setInt32(index * 4, word);
    return new Uint8Array(digest.buffer);
  }
}

type Seal = AeadCipher["seal"];

/** GCM on AES in counter mode (section 7.1), for a key size that node:crypto does not support in some runtimes. */
function composed(key: Uint8Array): { readonly seal: Seal; readonly wipe: () => void } {
  const block = aes(key);
  const counter = ctr(key);
  const subkey = secretWords(BLOCK / 4);
  const encrypted = block.encrypt(new Uint8Array(BLOCK));
  const view = new DataView(encrypted.buffer, encrypted.byteOffset, BLOCK);
  for (let word = 0; word < subkey.length; word += 1) subkey[word] = view.getInt32(word * 4);
  encrypted.fill(0);
  return {
    seal(iv, aad, size) {
      const count = new Uint8Array(BLOCK);
      count.set(iv);
      count[15] = 1;
      const mask = block.encrypt(count);
      count[15] = 2;
      const hash = new Ghash(subkey);
      hash.update(aad);
      return {
        update(plaintext) {
          const ciphertext = counter.crypt(false, plaintext, count);
          hash.update(ciphertext);
          return ciphertext;
        },
        tag: () => xor(hash.digest(aad.length, size), mask),
      };
    },
    wipe() {
      block.wipe();
      subkey.fill(0);
    },
  };
}

const nodeSeal =
  (name: CipherGCMTypes, key: KeyObject): Seal =>
  (iv, aad) => {
    const cipher = createCipheriv(name, key, iv);
    if (aad.length > 0) cipher.setAAD(aad);
    return {
      update: (plaintext) => cipher.update(plaintext),
      tag() {
        cipher.final();
        return cipher.getAuthTag();
      },
    };
  };

/** AES-GCM (NIST SP 800-38D) with ivs of 12 bytes. */
export function gcm(key: Uint8Array): AeadCipher {
  const name = `aes-${key.length * 8}-gcm` as CipherGCMTypes;
  const isNative = isAvailable(name);
  const secret = createSecretKey(key);
  const { seal, wipe } = isNative ? { seal: nodeSeal(name, secret), wipe: () => {} } : composed(key);
  return {
    seal,
    wipe,
    open(iv, aad, size, tag) {
      // Deno does not copy a tag until the message ends, when the memory that it was read to has other contents.
      const given = tag.slice();
      if (isNative && given.length === BLOCK) {
        const decipher = createDecipheriv(name, secret, iv);
        if (aad.length > 0) decipher.setAAD(aad);
        decipher.setAuthTag(given);
        return {
          update: (ciphertext) => decipher.update(ciphertext),
          isAuthentic() {
            try {
              decipher.final();
              return true;
            } catch {
              return false;
            }
          },
        };
      }
      // Not every runtime accepts shorter tags. Encrypting the ciphertext applies the key stream again, which restores
      // the plaintext; encrypting that computes the whole tag.
      const [restored, sealed] = [seal(iv, aad, size, BLOCK), seal(iv, aad, size, BLOCK)];
      return {
        update(ciphertext) {
          const plaintext = restored.update(ciphertext);
          sealed.update(plaintext);
          return plaintext;
        },
        isAuthentic() {
          // A cipher of node:crypto is only freed when it has ended.
          restored.tag();
          return fitsTag(sealed.tag(), given);
        },
      };
    },
  };
}
