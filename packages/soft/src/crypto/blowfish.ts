import type { BlockCipher } from "./cipher.ts";
import { secretWords } from "./secret.ts";

/*
 * Blowfish (Schneier, 1993), with the names of its paper. It is legacy or missing in every runtime's node:crypto, and
 * the implementations in the registry leave copies of the key that cannot be wiped.
 */

const ROUNDS = 16;
const P_WORDS = ROUNDS + 2;
const BOX = 256;

/** The arctangent of 1 / x, with this many bits after the point. */
function arctangent(x: bigint, bits: bigint): bigint {
  const square = x * x;
  let power = (1n << bits) / x;
  let sum = power;
  for (let n = 3n; power !== 0n; n += 2n) {
    power = -power / square;
    sum += power / n;
  }
  return sum;
}

/**
 * The P-array and the four S-boxes before the key is mixed in: the digits of pi after the point (by Machin's formula).
 */
function digitsOfPi(): Int32Array {
  const words = P_WORDS + 4 * BOX;
  // The rounding errors of some thousand terms stay below the last 64 bits.
  const bits = BigInt(words * 32 + 64);
  const pi = 16n * arctangent(5n, bits) - 4n * arctangent(239n, bits);
  const digits = (pi & ((1n << bits) - 1n)) >> 64n;
  const text = digits.toString(16).padStart(words * 8, "0");
  return Int32Array.from({ length: words }, (_, index) => Number.parseInt(text.slice(index * 8, index * 8 + 8), 16));
}

let initial: Int32Array | undefined;

/** Blowfish with a key of 4 to 56 bytes. */
export function blowfish(key: Uint8Array): BlockCipher {
  initial ??= digitsOfPi();
  const words = secretWords(initial.length);
  words.set(initial);
  const [p, s] = [words.subarray(0, P_WORDS), words.subarray(P_WORDS)];
  /** The block that is being processed. */
  const block = secretWords(2);

  const f = (x: number): number => {
    const a = s[x >>> 24] as number;
    const b = s[BOX + ((x >>> 16) & 255)] as number;
    const c = s[2 * BOX + ((x >>> 8) & 255)] as number;
    return (((a + b) ^ c) + (s[3 * BOX + (x & 255)] as number)) | 0;
  };
  /** Goes through the P-array upwards to encrypt, downwards to decrypt. */
  const run = (decrypt: boolean): void => {
    let [left, right] = [block[0] as number, block[1] as number];
    for (let round = 0; round < ROUNDS; round += 1) {
      left ^= p[decrypt ? P_WORDS - 1 - round : round] as number;
      const mixed = right ^ f(left);
      right = left;
      left = mixed;
    }
    // Undo the last exchange of the halves.
    block[0] = right ^ (p[decrypt ? 0 : P_WORDS - 1] as number);
    block[1] = left ^ (p[decrypt ? 1 : P_WORDS - 2] as number);
  };

  for (let index = 0, at = 0; index < P_WORDS; index += 1) {
    let word = 0;
    for (let byte = 0; byte < 4; byte += 1, at = (at + 1) % key.length) word = (word << 8) | (key[at] as number);
    (p[index] as number) ^= word;
  }
  for (let index = 0; index < words.length; index += 2) {
    run(false);
    words.set(block, index);
  }
  block.fill(0);

  const crypt = (decrypt: boolean, blocks: Uint8Array): Uint8Array => {
    const result = new Uint8Array(blocks.length);
    const [input, output] = [new DataView(blocks.buffer, blocks.byteOffset), new DataView(result.buffer)];
    for (let start = 0; start < blocks.length; start += 8) {
      block[0] = input.getInt32(start);
      block[1] = input.getInt32(start + 4);
      run(decrypt);
      output.setInt32(start, block[0]);
      output.setInt32(start + 4, block[1]);
    }
    return result;
  };
  return {
    blockSize: 8,
    encrypt: (blocks) => crypt(false, blocks),
    decrypt: (blocks) => crypt(true, blocks),
    wipe() {
      words.fill(0);
      block.fill(0);
    },
  };
}
