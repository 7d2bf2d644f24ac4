import { type KeyedCipher, native } from "./cipher.ts";

const BLOCK = 16;

/** Adds to a big-endian number, modulo its width. */
function advance(counter: Uint8Array, blocks: number): void {
  let carry = blocks;
  for (let index = counter.length - 1; index >= 0 && carry > 0; index -= 1) {
    const sum = (counter[index] as number) + (carry % 256);
    counter[index] = sum;
    carry = Math.floor(carry / 256) + (sum >>> 8);
  }
}

/**
 * AES in counter mode (NIST SP 800-38A, section 6.5). All 128 bits of the iv are the counter; a partial block uses up a
 * whole one.
 */
export function ctr(key: Uint8Array): KeyedCipher {
  const { run } = native(`aes-${key.length * 8}-ctr`, key);
  return {
    crypt(_decrypt, data, iv) {
      const result = run(false, iv, data);
      advance(iv, Math.ceil(data.length / BLOCK));
      return result;
    },
    // Only the KeyObject holds the key, and it cannot be wiped.
    wipe: () => {},
  };
}
