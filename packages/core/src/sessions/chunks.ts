import { ClosedError, type CryptodevError } from "../errors.ts";
import { partOf, sizeOf } from "../memory/bytes.ts";
import { option } from "../options.ts";
import { inWords } from "../words.ts";

/** Options of {@link Cipher.encryptor} and {@link Cipher.decryptor}. */
export interface ChunkOptions {
  /**
   * `"pkcs7"` fills the last block when encrypting, and takes that off when decrypting (RFC 5652, section 6.3);
   * `"none"`, if left out, asks for data that is whole blocks.
   */
  readonly padding?: "pkcs7" | "none" | undefined;
  /**
   * Whether a stream cipher gives every byte as soon as it can: of a block that has begun too, which is then worked on
   * again with the next chunk. If left out, whole blocks are waited for, and worked on once.
   */
  readonly eager?: boolean | undefined;
}

/** How chunks are worked on. */
export interface ChunkWork {
  /** How messages name it. */
  readonly name: string;
  readonly decrypt: boolean;
  /** Chunks are cut at multiples of this many bytes. */
  readonly granularity: number;
  /** Whether the end of the data has to be at such a multiple. */
  readonly isWhole: boolean;
  /** What to throw when the kernel would have refused, had it looked. */
  readonly refusal: (hint: string) => CryptodevError;
  /** Works on a chunk of `size` bytes, continuing from the one before. */
  readonly run: (source: Uint8Array, size: number, destination: Uint8Array) => void;
  /** Works on a chunk, and forgets that it did: the next one continues from the same place. */
  readonly peek: (source: Uint8Array, size: number, destination: Uint8Array) => void;
}

/**
 * Encrypts or decrypts data that comes in chunks of any size. {@link Cipher.encryptor} and {@link Cipher.decryptor} make
 * it.
 *
 * The result is that of the whole data at once. The iv is kept here and not in the session, so that one session can
 * serve any number of them, in any order.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const aes = device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(16)));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const encryptor = aes.encryptor(iv, { padding: "pkcs7" });
 * const first = encryptor.update(new Uint8Array(20));
 * const last = encryptor.final();
 * console.log(first.length, last.length); // 16 16
 * device.close();
 * ```
 */
export class CipherChunks {
  readonly #work: ChunkWork;
  readonly #isPadded: boolean;
  readonly #isEager: boolean;
  /** What is left of the data so far: less than can be worked on yet. */
  readonly #rest: Uint8Array;
  #restSize = 0;
  /** How many bytes of the rest were given already. */
  #given = 0;
  #isFinished = false;

  /** @internal */
  constructor(work: ChunkWork, options: ChunkOptions | undefined) {
    const padding = option(options, "padding", work.name, "none");
    const eager = option(options, "eager", work.name, false);
    if (typeof eager !== "boolean") {
      throw new TypeError(`eager for ${work.name}: expected true or false, got ${inWords(eager)}`);
    }
    if (padding !== "pkcs7" && padding !== "none") {
      throw new RangeError(
        `padding for ${work.name}: expected "pkcs7" or "none", got ${inWords(padding, ["pkcs7", "none"])}`,
      );
    }
    if (padding === "pkcs7" && !work.isWhole) {
      throw new RangeError(`padding for ${work.name}: expected "none", as it takes any number of bytes`);
    }
    this.#work = work;
    this.#isPadded = padding === "pkcs7";
    this.#isEager = eager && !work.isWhole;
    this.#rest = new Uint8Array(new ArrayBuffer(work.granularity));
  }

  /**
   * Takes the next chunk.
   *
   * @param data - any number of bytes
   * @returns what can be told by now, in new memory; it may be nothing
   * @throws `TypeError` for what is no Uint8Array or is detached; `ClosedError` after {@link CipherChunks.final} or the
   * session's end; `CryptodevError` where the kernel refuses
   */
  update(data: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#requireOpen();
    const { name, granularity, decrypt, run } = this.#work;
    const size = sizeOf(data, "data", name);
    const total = this.#restSize + size;
    // Padding is in the last block: that one is held back until it is known to be the last.
    const heldBack = this.#isPadded && decrypt ? 1 : 0;
    const ready = Math.max(0, Math.floor((total - heldBack) / granularity) * granularity);
    const result = new Uint8Array(ready);
    const taken = Math.max(0, ready - this.#restSize);
    if (ready > 0) {
      if (this.#restSize === 0) {
        run(ready === size ? data : partOf(data, 0, ready), ready, result);
      } else {
        result.set(this.#rest.subarray(0, this.#restSize));
        result.set(partOf(data, 0, taken), this.#restSize);
        run(result, ready, result);
        this.#restSize = 0;
      }
    }
    if (taken < size) {
      this.#rest.set(partOf(data, taken, size), this.#restSize);
      this.#restSize += size - taken;
    }
    return this.#isEager ? this.#withBegun(result) : result;
  }

  /** Adds what can be told of the block that has begun, and leaves out what was told of it before. */
  #withBegun(whole: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const [size, given] = [this.#restSize, this.#given];
    this.#given = size;
    if (size === 0) return whole.subarray(given);
    const result = new Uint8Array(whole.length + size);
    result.set(whole);
    this.#work.peek(this.#rest, size, partOf(result, whole.length, result.length));
    return result.subarray(given);
  }

  /**
   * Ends the data.
   *
   * @returns the rest of the result, in new memory; it may be nothing
   * @throws `RangeError` for data that was not whole blocks where it had to be; `CryptodevError` with `EBADMSG` for wrong
   * padding; all else as {@link CipherChunks.update}
   */
  final(): Uint8Array<ArrayBuffer> {
    this.#requireOpen();
    this.#isFinished = true;
    if (this.#isEager) {
      this.#rest.fill(0);
      return new Uint8Array(0);
    }
    const { name, granularity, decrypt, isWhole, run } = this.#work;
    const size = this.#restSize;
    if (this.#isPadded && !decrypt) this.#rest.fill(granularity - size, size);
    const isComplete = this.#isPadded ? !decrypt || size === granularity : !isWhole || size === 0;
    if (!isComplete) {
      this.#rest.fill(0);
      throw new RangeError(`data for ${name}: expected a multiple of ${granularity} bytes, got ${size} more`);
    }
    const last = this.#rest.slice(0, this.#isPadded ? granularity : size);
    this.#rest.fill(0);
    if (last.length > 0) run(last, last.length, last);
    return this.#isPadded && decrypt ? this.#unpad(last) : last;
  }

  #unpad(block: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { granularity, name, refusal } = this.#work;
    const count = block.at(-1) as number;
    const isPadding =
      count >= 1 && count <= granularity && block.subarray(granularity - count).every((byte) => byte === count);
    if (isPadding) return block.subarray(0, granularity - count);
    block.fill(0);
    throw refusal(`the data for ${name} does not end with padding: it was changed, or the key or the iv is another`);
  }

  #requireOpen(): void {
    if (this.#isFinished) throw new ClosedError(`data for ${this.#work.name}: final() has ended it`);
  }
}
