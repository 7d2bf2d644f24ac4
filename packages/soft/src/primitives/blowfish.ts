import { Blowfish } from "egoroof-blowfish";
import type { BlockCipher } from "./cipher.ts";

/** Blowfish with a key of 4 to 56 bytes: legacy or missing in every runtime's node:crypto. */
export function blowfish(key: Uint8Array): BlockCipher {
  let ecb = new Blowfish(key, Blowfish.MODE.ECB, Blowfish.PADDING.NULL);
  return {
    blockSize: 8,
    // Whole blocks get no padding, except that no block at all gets one.
    encrypt: (blocks) => (blocks.length === 0 ? new Uint8Array() : ecb.encode(blocks)),
    decrypt(blocks) {
      // What this padding takes away are zeros at the end: here they are data.
      const plaintext = new Uint8Array(blocks.length);
      if (blocks.length > 0) plaintext.set(ecb.decode(blocks, Blowfish.TYPE.UINT8_ARRAY));
      return plaintext;
    },
    // The library has no way to wipe its tables; those of a key of zeros take their place.
    wipe() {
      ecb = new Blowfish(new Uint8Array(4), Blowfish.MODE.ECB, Blowfish.PADDING.NULL);
    },
  };
}
