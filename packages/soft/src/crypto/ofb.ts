import type { BlockCipher, KeyedCipher } from "./cipher.ts";
import { xor } from "./xor.ts";

/** Output feedback (NIST SP 800-38A, section 6.4). A partial block uses up a whole block of the key stream. */
export function ofb(block: BlockCipher): KeyedCipher {
  const { blockSize } = block;
  return {
    crypt(_decrypt, data, iv) {
      const stream = new Uint8Array(Math.ceil(data.length / blockSize) * blockSize);
      for (let start = 0; start < stream.length; start += blockSize) {
        iv.set(block.encrypt(iv));
        stream.set(iv, start);
      }
      return xor(data, stream);
    },
    wipe: () => block.wipe(),
  };
}
