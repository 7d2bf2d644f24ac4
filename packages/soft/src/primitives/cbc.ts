import { type BlockCipher, type KeyedCipher, runNative } from "./cipher.ts";
import { xor } from "./xor.ts";

/** Keeps the last block of ciphertext: the next operation chains on it. */
function chainOn(ciphertext: Uint8Array, iv: Uint8Array): void {
  if (ciphertext.length > 0) iv.set(ciphertext.subarray(ciphertext.length - iv.length));
}

/** Cipher block chaining (NIST SP 800-38A, section 6.2) on a block cipher. */
export function cbc(block: BlockCipher): KeyedCipher {
  const { blockSize } = block;
  return {
    crypt(decrypt, data, iv) {
      if (decrypt) {
        const masks = new Uint8Array(data.length + blockSize);
        masks.set(iv);
        masks.set(data, blockSize);
        const plaintext = xor(block.decrypt(data), masks);
        chainOn(data, iv);
        return plaintext;
      }
      const ciphertext = new Uint8Array(data.length);
      let previous = iv;
      for (let start = 0; start < data.length; start += blockSize) {
        previous = block.encrypt(xor(data.subarray(start, start + blockSize), previous));
        ciphertext.set(previous, start);
      }
      chainOn(ciphertext, iv);
      return ciphertext;
    },
    wipe: () => block.wipe(),
  };
}

/** The same by node:crypto, for a cipher that it has. */
export function nativeCbc(name: string, key: Uint8Array): KeyedCipher {
  return {
    crypt(decrypt, data, iv) {
      const result = runNative(name, decrypt, key, iv, data);
      chainOn(decrypt ? data : result, iv);
      return result;
    },
    wipe: () => void key.fill(0),
  };
}
