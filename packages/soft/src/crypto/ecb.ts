import type { BlockCipher, KeyedCipher } from "./cipher.ts";

/** Electronic codebook (NIST SP 800-38A, section 6.1). It does not use an iv. */
export function ecb(block: BlockCipher): KeyedCipher {
  return {
    crypt: (decrypt, data) => (decrypt ? block.decrypt(data) : block.encrypt(data)),
    wipe: () => block.wipe(),
  };
}
