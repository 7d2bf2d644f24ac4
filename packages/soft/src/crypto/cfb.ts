import type { BlockCipher, KeyedCipher } from "./cipher.ts";
import { xor } from "./xor.ts";

/**
 * Cipher feedback with whole blocks (NIST SP 800-38A, section 6.3, s = b). The last block may be a partial one; the
 * next operation then continues from the whole block before it.
 */
export function cfb(block: BlockCipher): KeyedCipher {
  const { blockSize } = block;
  return {
    crypt(decrypt, data, iv) {
      const whole = data.length - (data.length % blockSize);
      const result = new Uint8Array(data.length);
      if (decrypt) {
        const inputs = new Uint8Array(Math.ceil(data.length / blockSize) * blockSize);
        inputs.set(iv.subarray(0, inputs.length));
        inputs.set(data.subarray(0, Math.max(inputs.length - blockSize, 0)), blockSize);
        result.set(xor(data, block.encrypt(inputs)));
      } else {
        let previous = iv;
        for (let start = 0; start < data.length; start += blockSize) {
          previous = xor(data.subarray(start, start + blockSize), block.encrypt(previous));
          result.set(previous, start);
        }
      }
      if (whole > 0) iv.set((decrypt ? data : result).subarray(whole - blockSize, whole));
      return result;
    },
    wipe: () => block.wipe(),
  };
}
