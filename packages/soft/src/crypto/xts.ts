import { aes, type KeyedCipher } from "./cipher.ts";
import { xor } from "./xor.ts";

const BLOCK = 16;

/** Multiplies the tweak by x in GF(2^128), least significant byte first (IEEE 1619-2018, section 5.2). */
function double(tweak: Uint8Array): void {
  let carry = 0;
  for (let index = 0; index < BLOCK; index += 1) {
    const byte = tweak[index] as number;
    tweak[index] = (byte << 1) | carry;
    carry = byte >>> 7;
  }
  if (carry === 1) tweak[0] = (tweak[0] as number) ^ 0x87;
}

/**
 * AES-XTS (IEEE 1619-2018; NIST SP 800-38E). The iv becomes the running tweak. An operation cannot continue from it,
 * because the next one encrypts it again as an iv. A partial block can only occur when decrypting: CIOCCRYPT refuses
 * it, and a TLS record is padded before it is encrypted.
 */
export function xts(key: Uint8Array): KeyedCipher {
  const data1 = aes(key.subarray(0, key.length / 2));
  const tweak2 = aes(key.subarray(key.length / 2));
  /** Processes whole blocks, each with its own tweak, and leaves the tweak of the next one in `tweak`. */
  const blocks = (decrypt: boolean, data: Uint8Array, tweak: Uint8Array): Uint8Array => {
    const tweaks = new Uint8Array(data.length);
    for (let start = 0; start < data.length; start += BLOCK) {
      tweaks.set(tweak, start);
      double(tweak);
    }
    const masked = xor(data, tweaks);
    return xor(decrypt ? data1.decrypt(masked) : data1.encrypt(masked), tweaks);
  };
  /**
   * Decrypts a whole block and a partial one (section 5.4.2 of the standard): the whole block uses the second tweak.
   */
  const stolen = (data: Uint8Array, tweak: Uint8Array): Uint8Array => {
    const second = tweak.slice();
    double(second);
    const mixed = blocks(true, data.subarray(0, BLOCK), second);
    const first = mixed.slice();
    first.set(data.subarray(BLOCK));
    const plaintext = new Uint8Array(data.length);
    plaintext.set(mixed.subarray(0, data.length - BLOCK), BLOCK);
    plaintext.set(blocks(true, first, tweak.slice()));
    return plaintext;
  };
  return {
    crypt(decrypt, data, iv, isContinued = false) {
      // Without data the driver does not reach the step that computes the tweak.
      if (data.length === 0) return data.slice();
      if (!isContinued) iv.set(tweak2.encrypt(iv));
      const part = data.length % BLOCK;
      if (part === 0) return blocks(decrypt, data, iv);
      const start = data.length - part - BLOCK;
      const plaintext = new Uint8Array(data.length);
      const tweak = iv.slice();
      plaintext.set(blocks(true, data.subarray(0, start), tweak));
      plaintext.set(stolen(data.subarray(start), tweak), start);
      return plaintext;
    },
    wipe() {
      data1.wipe();
      tweak2.wipe();
    },
  };
}
