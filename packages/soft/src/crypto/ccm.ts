import { type AeadCipher, fitsTag } from "./aead.ts";
import { aes, type KeyedCipher } from "./cipher.ts";
import { ctr } from "./ctr.ts";
import { xor } from "./xor.ts";

const BLOCK = 16;

/** B0 and the aad, as section A.2 of NIST SP 800-38C formats them for the CBC-MAC. */
function format(iv: Uint8Array, aad: Uint8Array, size: number, tagSize: number): Uint8Array {
  // Two bytes of length precede the aad; the driver does not accept more aad than they can count.
  const associated = aad.length === 0 ? 0 : Math.ceil((2 + aad.length) / BLOCK) * BLOCK;
  const blocks = new Uint8Array(BLOCK + associated);
  const lengthSize = (iv[0] as number) + 1;
  blocks.set(iv.subarray(0, BLOCK - lengthSize));
  blocks[0] = (aad.length === 0 ? 0 : 0x40) | (((tagSize - 2) / 2) << 3) | (lengthSize - 1);
  for (let index = 0; index < Math.min(lengthSize, 4); index += 1) blocks[15 - index] = size >>> (index * 8);
  if (aad.length > 0) {
    new DataView(blocks.buffer).setUint16(BLOCK, aad.length);
    blocks.set(aad, BLOCK + 2);
  }
  return blocks;
}

/** Pads a part of the message to whole blocks. */
function padded(data: Uint8Array): Uint8Array {
  if (data.length % BLOCK === 0) return data;
  const blocks = new Uint8Array(Math.ceil(data.length / BLOCK) * BLOCK);
  blocks.set(data);
  return blocks;
}

/**
 * AES-CCM (NIST SP 800-38C; RFC 3610).
 *
 * The iv has the kernel's raw form: the first byte is the size of the length field less one, 1 to 7; then comes the
 * nonce. The rest belongs to the counter, and is ignored.
 */
export function ccm(key: Uint8Array, cbc: (key: Uint8Array) => KeyedCipher): AeadCipher {
  const block = aes(key);
  const chain = cbc(key);
  const counter = ctr(key);
  /** Returns the first counter block, A0. */
  const a0 = (iv: Uint8Array): Uint8Array => iv.slice().fill(0, BLOCK - 1 - (iv[0] as number));
  /** Starts the mac of the plaintext. */
  const macOf = (iv: Uint8Array, aad: Uint8Array, size: number, tagSize: number) => {
    const last = new Uint8Array(BLOCK);
    const mask = block.encrypt(a0(iv));
    chain.crypt(false, format(iv, aad, size, tagSize), last);
    return {
      update: (plaintext: Uint8Array) => void chain.crypt(false, padded(plaintext), last),
      tag: () => xor(last, mask),
    };
  };
  /** Sets an iv to the counter of the first block of data, which follows the one that masks the tag. */
  const count = (iv: Uint8Array): Uint8Array => {
    iv.set(a0(iv));
    iv[15] = 1;
    return iv;
  };
  return {
    wipe() {
      block.wipe();
      chain.wipe();
    },
    seal(iv, aad, size, tagSize) {
      const mac = macOf(iv, aad, size, tagSize);
      count(iv);
      return {
        update(plaintext) {
          mac.update(plaintext);
          return counter.crypt(false, plaintext, iv);
        },
        tag: mac.tag,
      };
    },
    open(iv, aad, size, tag) {
      const given = tag.slice();
      const mac = macOf(iv, aad, size, given.length);
      iv.set(a0(iv));
      // To decrypt, the kernel counts in a copy; to encrypt, in the caller's iv.
      const counting = count(iv.slice());
      return {
        update(ciphertext) {
          const plaintext = counter.crypt(false, ciphertext, counting);
          mac.update(plaintext);
          return plaintext;
        },
        isAuthentic: () => fitsTag(mac.tag(), given),
      };
    },
  };
}
