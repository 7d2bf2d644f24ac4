import type { Memory } from "@cryptodev/soft";

/** The address of the caller's memory. All offsets are in bytes from there. */
export const BASE = 0x7e0000000000;
/** Bytes in a page. */
export const PAGE = 4096;
/** The end of the writable memory; from there to READ_ONLY nothing is mapped. */
export const END = 16 * PAGE;
/** The start of two pages that are read-only. */
export const READ_ONLY = 20 * PAGE;
/** The offset of the keys. */
export const KEY = 30 * PAGE;
/** The offset of a call's argument. */
export const ARGUMENT = 31 * PAGE;

/** The mappings of the caller: start, end, and whether they are writable. */
const mappings = [
  [0, END, true],
  [READ_ONLY, READ_ONLY + 2 * PAGE, false],
  [KEY, ARGUMENT + PAGE, true],
] as const;

/**
 * The steps of a 64-bit linear congruential generator from a seed s: the n-th number is `factors[n] * s + terms[n]`.
 */
function generator(count: number): { factors: Uint32Array; terms: Uint32Array } {
  const [factors, terms] = [new BigUint64Array(count), new BigUint64Array(count)];
  let [factor, term] = [1n, 0n];
  for (let index = 0; index < count; index += 1) {
    factor = BigInt.asUintN(64, factor * 0x5851f42d4c957f2dn);
    term = BigInt.asUintN(64, term * 0x5851f42d4c957f2dn + 0x14057b7ef767814fn);
    factors[index] = factor;
    terms[index] = term;
  }
  return { factors: new Uint32Array(factors.buffer), terms: new Uint32Array(terms.buffer) };
}

/** The memory of a caller: a few pages at fixed addresses. */
export class Pages implements Memory {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(ARGUMENT + PAGE);
  readonly #words = new Uint32Array(this.bytes.buffer, 0, END / 4);
  readonly #step: Uint32Array;
  /** The content that the next case starts with. */
  readonly #fresh: Uint32Array;
  #hash: string | undefined;

  constructor() {
    const { factors, terms } = generator(END / 8);
    this.#step = factors;
    this.#fresh = terms;
  }

  /** Fills the writable memory with the numbers of the next seed; the first seed is 1. */
  fill(): void {
    const [fresh, step] = [this.#fresh, this.#step];
    for (let word = 0; word < fresh.length; word += 2) {
      const low = (fresh[word] as number) + (step[word] as number);
      fresh[word] = low;
      fresh[word + 1] = (fresh[word + 1] as number) + (step[word + 1] as number) + (low > 0xffffffff ? 1 : 0);
    }
    this.#words.set(fresh);
    this.#hash = undefined;
  }

  /** Writes as the caller itself. */
  set(place: number, ...bytes: readonly number[]): void {
    this.bytes.set(bytes, place);
    this.#hash = undefined;
  }

  /** The upper half of the FNV-1a hash of the writable memory, over 64-bit words. */
  hash(): string {
    if (this.#hash !== undefined) return this.#hash;
    let [low, high] = [0x739d0383, 0x14650fb0];
    for (let word = 0; word < this.#words.length; word += 2) {
      low = (low ^ (this.#words[word] as number)) >>> 0;
      high ^= this.#words[word + 1] as number;
      // Times 2 ** 40 + 0x1b3.
      const product = low * 0x1b3;
      high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) | 0;
      low = product >>> 0;
    }
    this.#hash = (high >>> 0).toString(16).padStart(8, "0");
    return this.#hash;
  }

  #has(address: number, length: number, written: boolean): boolean {
    const start = address - BASE;
    return mappings.some(([from, to, isWritable]) => start >= from && start + length <= to && (isWritable || !written));
  }

  read(address: number, length: number): Uint8Array | undefined {
    return this.#has(address, length, false) ? this.bytes.slice(address - BASE, address - BASE + length) : undefined;
  }

  isReadable(address: number, length: number): boolean {
    return this.#has(address, length, false);
  }

  isWritable(address: number, length: number): boolean {
    return this.#has(address, length, true);
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (!this.isWritable(address, bytes.length)) return false;
    this.bytes.set(bytes, address - BASE);
    if (address - BASE < END) this.#hash = undefined;
    return true;
  }

  writeArgument(address: number, bytes: Uint8Array): boolean {
    return this.write(address, bytes);
  }

  retain(): Memory {
    return this;
  }
}
