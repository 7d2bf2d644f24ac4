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
 * AES-XTS (IEEE 1619-2018; NIST SP 800-38E) over whole blocks: the driver has no ciphertext stealing. The iv becomes the
 * running tweak, from which nothing can go on: taken as an iv it is encrypted again.
 */
export function xts(key: Uint8Array): KeyedCipher {
  const data1 = aes(key.subarray(0, key.length / 2));
  const tweak2 = aes(key.subarray(key.length / 2));
  return {
    crypt(decrypt, data, iv, isContinued = false) {
      // Without data the driver does not come as far as to make the tweak.
      if (data.length === 0) return data.slice();
      if (!isContinued) iv.set(tweak2.encrypt(iv));
      const tweaks = new Uint8Array(data.length);
      for (let start = 0; start < data.length; start += BLOCK) {
        tweaks.set(iv, start);
        double(iv);
      }
      const masked = xor(data, tweaks);
      return xor(decrypt ? data1.decrypt(masked) : data1.encrypt(masked), tweaks);
    },
    wipe() {
      data1.wipe();
      tweak2.wipe();
    },
  };
}
