import type { BlockCipher } from "./cipher.ts";
import { secretWords } from "./secret.ts";

/*
 * Camellia (RFC 3713). The names are the RFC's. No maintained library in the registry implements it, and of the
 * runtimes only Node.js does.
 */

/** Multiplies in GF(2^8), modulo x^8 + x^6 + x^5 + x^3 + 1, as the definition of the S-boxes in section 2.4.2 does. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    if ((b >> bit) & 1) product ^= a << bit;
  }
  for (let bit = 14; bit >= 8; bit -= 1) {
    if ((product >> bit) & 1) product ^= 0x169 << (bit - 8);
  }
  return product;
}

/** Bit `n` of a byte, counted from 1 at the top. */
const bit = (byte: number, n: number): number => (byte >> (8 - n)) & 1;

/** Applies a linear map to the bits of a byte: each bit of the result is the sum of those listed for it. */
const linear =
  (rows: readonly (readonly number[])[]) =>
  (byte: number): number =>
    rows.reduce((result, row) => (result << 1) | row.reduce((sum, n) => sum ^ bit(byte, n), 0), 0);

/**
 * SBOX1, computed from its algebraic definition: an inversion in GF(2^8), represented as GF((2^4)^2), between two
 * linear maps.
 */
function makeSbox1(): Uint8Array {
  const f = linear([
    [6, 2],
    [7, 1],
    [8, 5, 3],
    [8, 3],
    [7, 4],
    [5, 2],
    [8, 1],
    [6, 4],
  ]);
  const h = linear([
    [5, 6, 2],
    [6, 2],
    [7, 4],
    [8, 2],
    [7, 3],
    [8, 1],
    [5, 1],
    [6, 3],
  ]);
  const beta = 0x02;
  // alpha = beta^238 generates GF(2^4); its powers 0 to 3 are the weights of half a byte's bits.
  const alpha = 0x6c;
  const powers = [1, alpha, multiply(alpha, alpha), multiply(alpha, multiply(alpha, alpha))];
  const half = (byte: number, top: number): number =>
    powers.reduce((sum, power, index) => sum ^ (bit(byte, top - index) === 1 ? power : 0), 0);
  const toField = (byte: number): number => half(byte, 8) ^ multiply(half(byte, 4), beta);

  const fromField = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte += 1) fromField[toField(byte)] = byte;
  const inverse = new Uint8Array(256);
  for (let a = 1; a < 256; a += 1) {
    for (let b = 1; b < 256 && inverse[a] === 0; b += 1) if (multiply(a, b) === 1) inverse[a] = b;
  }
  const g = (byte: number): number => fromField[inverse[toField(byte)] as number] as number;
  return Uint8Array.from({ length: 256 }, (_, byte) => h(g(f(byte ^ 0xc5))) ^ 0x6e);
}

const rotateByte = (byte: number, by: number): number => ((byte << by) | (byte >> (8 - by))) & 0xff;

/**
 * The S-boxes combined with the linear layer P: one table for each of the eight bytes, with separate high and low
 * halves.
 */
interface Tables {
  readonly high: readonly Int32Array[];
  readonly low: readonly Int32Array[];
}

function makeTables(): Tables {
  const sbox1 = makeSbox1();
  const s1 = (byte: number): number => sbox1[byte] as number;
  const s2 = (byte: number): number => rotateByte(s1(byte), 1);
  const s3 = (byte: number): number => rotateByte(s1(byte), 7);
  const s4 = (byte: number): number => s1(rotateByte(byte, 1));
  const boxes = [s1, s2, s3, s4, s2, s3, s4, s1];
  // P of section 2.4.1: which of t1 to t8 each of y1 to y8 is the sum of.
  const sums = [
    [1, 3, 4, 6, 7, 8],
    [1, 2, 4, 5, 7, 8],
    [1, 2, 3, 5, 6, 8],
    [2, 3, 4, 5, 6, 7],
    [1, 2, 6, 7, 8],
    [2, 3, 5, 7, 8],
    [3, 4, 5, 6, 8],
    [1, 4, 5, 6, 7],
  ];
  const spread = (position: number, rows: readonly (readonly number[])[]) =>
    Int32Array.from({ length: 256 }, (_, byte) => {
      const t = boxes[position]?.(byte) ?? 0;
      return rows.reduce((word, row) => (word << 8) | (row.includes(position + 1) ? t : 0), 0);
    });
  const positions = [0, 1, 2, 3, 4, 5, 6, 7];
  return {
    high: positions.map((position) => spread(position, sums.slice(0, 4))),
    low: positions.map((position) => spread(position, sums.slice(4))),
  };
}

const SIGMA = [
  0xa09e667f, 0x3bcc908b, 0xb67ae858, 0x4caa73b2, 0xc6ef372f, 0xe94f82be, 0x54ff53a5, 0xf1d36f1c, 0x10e527fa,
  0xde682d1d, 0xb05688c2, 0xb3e6c1fd,
];

let tables: Tables | undefined;

/** A block as two halves of two words each. */
type Block = Int32Array;

/** The function F of section 2.4.1, added to half a block. */
function addF({ high, low }: Tables, block: Block, from: 0 | 2, keys: Int32Array, key: number): void {
  const left = (block[from] as number) ^ (keys[key] as number);
  const right = (block[from + 1] as number) ^ (keys[key + 1] as number);
  const to = from === 0 ? 2 : 0;
  for (let index = 0; index < 8; index += 1) {
    const byte = ((index < 4 ? left : right) >>> (24 - 8 * (index % 4))) & 255;
    (block[to] as number) ^= (high[index] as Int32Array)[byte] as number;
    (block[to + 1] as number) ^= (low[index] as Int32Array)[byte] as number;
  }
}

const rotateWord = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** FL of section 2.4.3, in place on half a block. */
function fl(block: Block, at: 0 | 2, keys: Int32Array, key: number): void {
  (block[at + 1] as number) ^= rotateWord((block[at] as number) & (keys[key] as number), 1);
  (block[at] as number) ^= (block[at + 1] as number) | (keys[key + 1] as number);
}

/** The inverse of FL. */
function flInverse(block: Block, at: 0 | 2, keys: Int32Array, key: number): void {
  (block[at] as number) ^= (block[at + 1] as number) | (keys[key + 1] as number);
  (block[at + 1] as number) ^= rotateWord((block[at] as number) & (keys[key] as number), 1);
}

/** Where in the memory of {@link expand} the four words of each of these numbers start. */
const KL = 0;
const KR = 4;
const KA = 8;
const KB = 12;

/** A number, by how much it is rotated left, and which half of it is a subkey. */
type Subkey = readonly [number: number, by: number, half: 0 | 1];

/**
 * The subkeys of section 2.2, in the order in which encryption uses them: kw1, kw2, then k and ke in turn, kw3, kw4.
 */
const subkeysOf16: readonly Subkey[] = [
  [KL, 0, 0],
  [KL, 0, 1],
  [KA, 0, 0],
  [KA, 0, 1],
  [KL, 15, 0],
  [KL, 15, 1],
  [KA, 15, 0],
  [KA, 15, 1],
  [KA, 30, 0],
  [KA, 30, 1],
  [KL, 45, 0],
  [KL, 45, 1],
  [KA, 45, 0],
  [KL, 60, 1],
  [KA, 60, 0],
  [KA, 60, 1],
  [KL, 77, 0],
  [KL, 77, 1],
  [KL, 94, 0],
  [KL, 94, 1],
  [KA, 94, 0],
  [KA, 94, 1],
  [KL, 111, 0],
  [KL, 111, 1],
  [KA, 111, 0],
  [KA, 111, 1],
];
const subkeysOf24And32: readonly Subkey[] = [
  [KL, 0, 0],
  [KL, 0, 1],
  [KB, 0, 0],
  [KB, 0, 1],
  [KR, 15, 0],
  [KR, 15, 1],
  [KA, 15, 0],
  [KA, 15, 1],
  [KR, 30, 0],
  [KR, 30, 1],
  [KB, 30, 0],
  [KB, 30, 1],
  [KL, 45, 0],
  [KL, 45, 1],
  [KA, 45, 0],
  [KA, 45, 1],
  [KL, 60, 0],
  [KL, 60, 1],
  [KR, 60, 0],
  [KR, 60, 1],
  [KB, 60, 0],
  [KB, 60, 1],
  [KL, 77, 0],
  [KL, 77, 1],
  [KA, 77, 0],
  [KA, 77, 1],
  [KR, 94, 0],
  [KR, 94, 1],
  [KA, 94, 0],
  [KA, 94, 1],
  [KL, 111, 0],
  [KL, 111, 1],
  [KB, 111, 0],
  [KB, 111, 1],
];

/** Copies half of a number that is rotated left. */
function rotateHalf(words: Int32Array, [number, by, half]: Subkey, target: Int32Array, at: number): void {
  const shift = by & 31;
  for (let index = 0; index < 2; index += 1) {
    const from = half * 2 + index + (by >>> 5);
    const [high, low] = [words[number + (from % 4)] as number, words[number + ((from + 1) % 4)] as number];
    target[at + index] = shift === 0 ? high : (high << shift) | (low >>> (32 - shift));
  }
}

/** Expands a key. */
function expand(key: Uint8Array, sets: Tables): Int32Array {
  const words = secretWords(20);
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  for (let index = 0; index < key.length / 4; index += 1) words[index] = view.getInt32(index * 4);
  if (key.length === 24) for (const index of [0, 1]) words[KR + 2 + index] = ~(words[KR + index] as number);

  const sigma = Int32Array.from(SIGMA);
  const d = words.subarray(16);
  const add = (number: number): void => {
    for (let index = 0; index < 4; index += 1) (d[index] as number) ^= words[number + index] as number;
  };
  const rounds = (first: number): void => {
    addF(sets, d, 0, sigma, first);
    addF(sets, d, 2, sigma, first + 2);
  };
  add(KL);
  add(KR);
  rounds(0);
  add(KL);
  rounds(4);
  words.set(d, KA);
  add(KR);
  rounds(8);
  words.set(d, KB);

  const subkeys = key.length === 16 ? subkeysOf16 : subkeysOf24And32;
  const keys = secretWords(subkeys.length * 2);
  for (const [index, subkey] of subkeys.entries()) rotateHalf(words, subkey, keys, index * 2);
  words.fill(0);
  return keys;
}

/**
 * Derives the subkeys for decryption: those of encryption in reverse order, but with the halves of each whitening pair
 * in the original order.
 */
function reverse(keys: Int32Array): Int32Array {
  const count = keys.length / 2;
  const reversed = secretWords(keys.length);
  for (let index = 0; index < count; index += 1) {
    // kw3 and kw4 take the place of kw1 and kw2, in the same order.
    const isWhitening = index < 2 || index >= count - 2;
    const from = isWhitening ? (index < 2 ? index + count - 2 : index - count + 2) : count - 1 - index;
    for (let word = 0; word < 2; word += 1) reversed[index * 2 + word] = keys[from * 2 + word] as number;
  }
  return reversed;
}

function crypt(sets: Tables, keys: Int32Array, blocks: Uint8Array): Uint8Array {
  const result = new Uint8Array(blocks.length);
  const input = new DataView(blocks.buffer, blocks.byteOffset, blocks.length);
  const output = new DataView(result.buffer);
  const last = keys.length - 4;
  const block = new Int32Array(4);
  for (let start = 0; start < blocks.length; start += 16) {
    for (let index = 0; index < 4; index += 1)
      block[index] = input.getInt32(start + index * 4) ^ (keys[index] as number);
    let key = 4;
    while (key < last) {
      for (let round = 0; round < 6; round += 1, key += 2) addF(sets, block, round % 2 === 0 ? 0 : 2, keys, key);
      if (key < last) {
        fl(block, 0, keys, key);
        flInverse(block, 2, keys, key + 2);
        key += 4;
      }
    }
    // The halves are exchanged at the end.
    for (const [index, from] of [2, 3, 0, 1].entries()) {
      output.setInt32(start + index * 4, (block[from] as number) ^ (keys[last + index] as number));
    }
  }
  return result;
}

/** Camellia with a key of 16, 24 or 32 bytes. */
export function camellia(key: Uint8Array): BlockCipher {
  tables ??= makeTables();
  const sets = tables;
  const keys = expand(key, sets);
  const reversed = reverse(keys);
  return {
    blockSize: 16,
    encrypt: (blocks) => crypt(sets, keys, blocks),
    decrypt: (blocks) => crypt(sets, reversed, blocks),
    wipe() {
      keys.fill(0);
      reversed.fill(0);
    },
  };
}
