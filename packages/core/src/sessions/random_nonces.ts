/** Bytes in a random nonce: with fewer, two of them coincide too soon. */
export const NONCE_SIZE = 12;

/** NIST SP 800-38D, section 8.3, allows this many random nonces with one key. */
const MAX_NONCES = 2 ** 32;

/** The part of the web platform's `crypto` that is used here. It exists in all runtimes. */
interface Globals {
  readonly crypto: { getRandomValues(bytes: Uint8Array<ArrayBuffer>): void };
}

/** Random nonces of one session, drawn many at a time because each call of the generator is expensive. */
export class RandomNonces {
  readonly #name: string;
  #pool = new Uint8Array(new ArrayBuffer(64 * NONCE_SIZE));
  readonly #nonce = new Uint8Array(new ArrayBuffer(NONCE_SIZE));
  #used: number = this.#pool.length;
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /**
   * @returns the next nonce, in memory that the one after it overwrites
   * @throws {RangeError} if the key was used with too many nonces
   */
  next(): Uint8Array {
    if (this.#count === MAX_NONCES) {
      throw new RangeError(
        `nonce for ${this.#name}: a key is safe for ${MAX_NONCES} messages with random nonces; start a session with a new key`,
      );
    }
    if (this.#used === this.#pool.length) {
      // New memory each time: if a program has replaced this function and seals messages in it, both draw from a pool
      // of their own, and no nonce is used twice.
      const pool = new Uint8Array(new ArrayBuffer(this.#pool.length));
      (globalThis as unknown as Globals).crypto.getRandomValues(pool);
      this.#pool = pool;
      this.#used = 0;
    }
    const nonce = this.#nonce;
    for (let index = 0; index < NONCE_SIZE; index += 1) nonce[index] = this.#pool[this.#used + index] as number;
    this.#used += NONCE_SIZE;
    this.#count += 1;
    return nonce;
  }
}
