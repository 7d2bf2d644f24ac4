import { type AeadCipher, fitsTag } from "./aead.ts";
import { aes, type KeyedCipher } from "./cipher.ts";
import { ctr } from "./ctr.ts";
import { xor } from "./xor.ts";

const BLOCK = 16;

/** B0, the aad and the plaintext, as section A.2 of NIST SP 800-38C formats them for the CBC-MAC. */
function format(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tagSize: number): Uint8Array {
  const roundUp = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;
  // Two bytes of length precede the aad; the driver does not accept more aad than they can count.
  const associated = aad.length === 0 ? 0 : roundUp(2 + aad.length);
  const blocks = new Uint8Array(BLOCK + associated + roundUp(plaintext.length));
  const lengthSize = (iv[0] as number) + 1;
  blocks.set(iv.subarray(0, BLOCK - lengthSize));
  blocks[0] = (aad.length === 0 ? 0 : 0x40) | (((tagSize - 2) / 2) << 3) | (lengthSize - 1);
  for (let index = 0; index < Math.min(lengthSize, 4); index += 1)
    blocks[15 - index] = plaintext.length >>> (index * 8);
  if (aad.length > 0) {
    new DataView(blocks.buffer).setUint16(BLOCK, aad.length);
    blocks.set(aad, BLOCK + 2);
  }
  blocks.set(plaintext, BLOCK + associated);
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
  /** The first counter block, A0. */
  const a0 = (iv: Uint8Array): Uint8Array => iv.slice().fill(0, BLOCK - 1 - (iv[0] as number));
  const tagOf = (iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tagSize: number): Uint8Array => {
    const last = new Uint8Array(BLOCK);
    chain.crypt(false, format(iv, aad, plaintext, tagSize), last);
    return xor(last, block.encrypt(a0(iv)));
  };
  /** Encrypts or decrypts. The block that masks the tag becomes the counter. */
  const stream = (block0: Uint8Array, data: Uint8Array): Uint8Array => {
    block0[15] = 1;
    return counter.crypt(false, data, block0);
  };
  return {
    wipe() {
      block.wipe();
      chain.wipe();
    },
    seal(iv, aad, plaintext, tagSize) {
      const tag = tagOf(iv, aad, plaintext, tagSize);
      iv.set(a0(iv));
      return { ciphertext: stream(iv, plaintext), tag };
    },
    open(iv, aad, ciphertext, tag) {
      // To decrypt, the kernel counts in a copy; to encrypt, in the caller's iv.
      iv.set(a0(iv));
      const plaintext = stream(iv.slice(), ciphertext);
      const expected = tagOf(iv, aad, plaintext, tag.length);
      return { plaintext, authentic: fitsTag(expected, tag) };
    },
  };
}
