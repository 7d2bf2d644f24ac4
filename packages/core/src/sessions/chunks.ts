import type { CipherName, StreamCipherName } from "../algorithms/catalogue.ts";
import { checkDestination } from "../checks.ts";
import { AuthenticationError, ClosedError } from "../errors.ts";
import { asPlain, copyInto, partOf, sizeOf } from "../memory/bytes.ts";
import { own } from "../options.ts";
import { inWords } from "../words.ts";

/** Options of {@link Cipher.encryptor} and {@link Cipher.decryptor} for a block cipher. */
export interface PaddingOptions {
  /**
   * Whether to fill the last block when encrypting, and to remove the padding when decrypting: PKCS #7 (RFC 5652,
   * section 6.3). Defaults to `false`, which requires data of whole blocks.
   */
  readonly padding?: boolean | undefined;
}

/** Options of {@link Cipher.encryptor} and {@link Cipher.decryptor} for a stream cipher. */
export interface EagerOptions {
  /**
   * Whether to return the bytes of a partial block at once, at the cost of encrypting that block again with the next
   * chunk. Defaults to `false`: output is held back to block boundaries.
   */
  readonly eager?: boolean | undefined;
}

/** The options of a cipher's chunks. */
export type ChunkOptionsOf<Name extends CipherName> = Name extends StreamCipherName ? EagerOptions : PaddingOptions;

/** How to process chunks. */
export interface ChunkWork {
  /** The algorithm's name in messages. */
  readonly name: string;
  readonly decrypt: boolean;
  /** Chunks are split at multiples of this many bytes. */
  readonly granularity: number;
  /** Whether the data must end at such a multiple. */
  readonly isWhole: boolean;
  /** Throws an error if the session cannot process anything now. */
  readonly requireOpen: () => void;
  /** Processes a chunk of `size` bytes, continuing from the one before. */
  readonly run: (source: Uint8Array, size: number, destination: Uint8Array) => void;
  /** Does the same into memory of the device; `undefined` if it cannot pass any on. */
  readonly create: ((source: Uint8Array, size: number) => Uint8Array) | undefined;
  /** Processes a chunk without advancing: the next one continues from the same place. */
  readonly peek: (source: Uint8Array, size: number, destination: Uint8Array) => void;
}

type Allocate = (size: number) => Uint8Array;

const copyOf = (bytes: Uint8Array, start: number, end: number) => new Uint8Array(partOf(bytes, start, end));

const allocatePlain: Allocate = (size) => new Uint8Array(size);

/** Calls the private method of chunks. */
let update: (chunks: CipherChunks, data: Uint8Array, allocate: Allocate) => Uint8Array;

/**
 * Does the same as {@link CipherChunks.update}, for a caller to whom it does not matter what creates the memory of the
 * output: a device in this process passes on its own, which may be a Buffer.
 *
 * @param allocate - returns memory for any other device
 * @internal
 */
export function updateCreating(chunks: CipherChunks, data: Uint8Array, allocate: Allocate): Uint8Array {
  return update(chunks, data, allocate);
}

/**
 * Encrypts or decrypts data that arrives in chunks of any size. {@link Cipher.encryptor} and {@link Cipher.decryptor}
 * create it.
 *
 * The result is the same as for the whole data at once. The iv is kept here and not in the session, so one session can
 * serve any number of these objects, in any order.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const aes = device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(16)));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const encryptor = aes.encryptor(iv, { padding: true });
 * const first = encryptor.update(new Uint8Array(20));
 * const last = encryptor.final();
 * console.log(first.length, last.length); // 16 16
 * device.close();
 * ```
 */
export class CipherChunks {
  static {
    update = (chunks, data, allocate) => chunks.#updateCreating(data, allocate);
  }

  readonly #work: ChunkWork;
  readonly #isPadded: boolean;
  readonly #isEager: boolean;
  /** The end of the data so far, which cannot be processed yet. */
  readonly #rest: Uint8Array;
  #restSize = 0;
  /** How many bytes of the rest were already returned. */
  #given = 0;
  /** Why it does not accept any more data. */
  #ended: string | undefined;

  /** @internal */
  constructor(work: ChunkWork, options: (PaddingOptions & EagerOptions) | undefined) {
    const flag = (option: "padding" | "eager", isKnown: boolean): boolean => {
      const value: unknown = own(options, option, work.name);
      if (value === undefined) return false;
      if (typeof value !== "boolean") {
        throw new TypeError(`${option} for ${work.name}: expected true or false, got ${inWords(value)}`);
      }
      if (value && !isKnown) {
        const why = work.isWhole ? "it accepts whole blocks" : "it accepts any number of bytes";
        throw new RangeError(`${option} for ${work.name}: expected false, because ${why}`);
      }
      return value;
    };
    this.#isPadded = flag("padding", work.isWhole);
    this.#isEager = flag("eager", !work.isWhole);
    this.#work = work;
    this.#rest = new Uint8Array(new ArrayBuffer(work.granularity));
  }

  /**
   * Processes the next chunk.
   *
   * @param data - any number of bytes
   * @returns the output that is available so far, in new memory; it may be empty
   * @throws {TypeError} if `data` is not a Uint8Array, or its buffer was detached
   * @throws {ClosedError} after {@link CipherChunks.final}, or if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation. The chunk can be passed again, except with `eager` if part
   * of the output was lost: then the object does not accept any more data
   */
  update(data: Uint8Array): Uint8Array<ArrayBuffer> {
    return asPlain(this.#updateCreating(data, allocatePlain));
  }

  #updateCreating(data: Uint8Array, allocate: Allocate): Uint8Array {
    this.#requireOpen();
    const { name, create, run } = this.#work;
    const size = sizeOf(data, "data", name);
    const ready = this.#readyOf(size);
    if (this.#isWhole(size, ready)) {
      if (create !== undefined) return create(data, size);
      const result = allocate(size);
      run(data, size, result);
      return result;
    }
    if (this.#isEager) {
      const result = allocate(size);
      copyInto(result, this.#begun(data, size, ready));
      return result;
    }
    if (create !== undefined && this.#restSize === 0 && ready > 0) {
      const rest = copyOf(data, ready, size);
      const result = create(data, ready);
      this.#hold(rest);
      return result;
    }
    const result = allocate(ready);
    this.#pieced(data, size, ready, result);
    return result;
  }

  /**
   * Processes the next chunk into existing memory. Whole blocks that follow whole blocks do not allocate any.
   *
   * @param data - any number of bytes
   * @param destination - room for the output, which is at most the block that was held back and all of `data`: either
   * `data` itself, to work in place, or separate memory
   * @returns the number of bytes written; it may be 0
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if the destination is too short or partly overlaps the data
   * @throws {ClosedError} after {@link CipherChunks.final}, or if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const aes = device.cipher("aes-ctr", crypto.getRandomValues(new Uint8Array(16)));
   * const encryptor = aes.encryptor(crypto.getRandomValues(new Uint8Array(16)));
   * const packet = new Uint8Array(64);
   * console.log(encryptor.updateInto(packet, packet)); // 64
   * device.close();
   * ```
   */
  updateInto(data: Uint8Array, destination: Uint8Array): number {
    this.#requireOpen();
    const { name, run } = this.#work;
    const size = sizeOf(data, "data", name);
    const ready = this.#readyOf(size);
    const written = this.#isEager ? size : ready;
    checkDestination(destination, written, data, size, name);
    if (this.#isWhole(size, ready)) run(data, size, destination);
    else if (this.#isEager) copyInto(destination, this.#begun(data, size, ready));
    else if (this.#restSize === 0) this.#pieced(data, size, ready, destination);
    else {
      // The destination can be the data, which what was held back would overwrite.
      const result = new Uint8Array(ready);
      this.#pieced(data, size, ready, result);
      copyInto(destination, result);
    }
    return written;
  }

  /** Returns how many bytes are whole blocks, with those that were held back, after `size` more. */
  #readyOf(size: number): number {
    const { granularity, decrypt } = this.#work;
    // Padding is in the last block, so a block is held back until it is known whether more data follows.
    const end = this.#restSize + size - (this.#isPadded && decrypt ? 1 : 0);
    return end < granularity ? 0 : end - (end % granularity);
  }

  /** Whether the data is processed as it is, because nothing is held back before or after it. */
  #isWhole(size: number, ready: number): boolean {
    return ready === size && this.#restSize === 0;
  }

  /**
   * Processes `ready` bytes of what was held back and the first `size` bytes of the data, and holds back the rest.
   *
   * @param result - apart from the data, if anything was held back
   */
  #pieced(data: Uint8Array, size: number, ready: number, result: Uint8Array): void {
    const { run } = this.#work;
    const held = this.#restSize;
    const taken = Math.max(0, ready - held);
    // Before the call, whose trace can take the data away.
    const rest = copyOf(data, taken, size);
    if (ready > 0 && held > 0) {
      result.set(partOf(this.#rest, 0, held));
      result.set(partOf(data, 0, taken), held);
      run(result, ready, result);
      this.#restSize = 0;
    } else if (ready > 0) {
      run(data, ready, result);
    }
    this.#hold(rest);
  }

  #hold(bytes: Uint8Array): void {
    this.#rest.set(bytes, this.#restSize);
    this.#restSize += bytes.length;
  }

  /** Processes data of a stream cipher, and returns every byte that was not returned yet, also of a partial block. */
  #begun(data: Uint8Array, size: number, ready: number): Uint8Array {
    const given = this.#given;
    const rest = this.#restSize + size - ready;
    const whole = new Uint8Array(ready + rest);
    this.#pieced(data, size, ready, whole);
    this.#given = rest;
    try {
      if (rest > 0) this.#work.peek(this.#rest, rest, partOf(whole, ready, whole.length));
    } catch (error) {
      // The session has advanced, and what it returned is lost.
      this.#end("the kernel refused a part of it");
      throw error;
    }
    return whole.subarray(given);
  }

  /**
   * Ends the data.
   *
   * @returns the rest of the output, in new memory; it may be empty
   * @throws {RangeError} if whole blocks are required and the data does not end with one
   * @throws {ClosedError} if it was already called, or if the session has ended
   * @throws {AuthenticationError} if the padding is wrong
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  final(): Uint8Array<ArrayBuffer> {
    this.#requireOpen();
    const { name, granularity, decrypt, isWhole, run } = this.#work;
    const size = this.#restSize;
    if (this.#isPadded && !decrypt) this.#rest.fill(granularity - size, size);
    const last = this.#rest.slice(0, this.#isEager ? 0 : this.#isPadded ? granularity : size);
    this.#end("final() has ended it");
    const isComplete = this.#isPadded ? !decrypt || size === granularity : !isWhole || size === 0;
    if (!isComplete) {
      const orPadding = decrypt ? "" : ", or padding";
      const got = size === 0 ? ", got none" : `; the last block has only ${size}`;
      throw new RangeError(`data for ${name}: expected a multiple of ${granularity} bytes${orPadding}${got}`);
    }
    if (last.length > 0) run(last, last.length, last);
    return this.#isPadded && decrypt ? this.#unpad(last) : last;
  }

  #unpad(block: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { granularity } = this.#work;
    const count = block.at(-1) as number;
    const isPadding =
      count >= 1 && count <= granularity && block.subarray(granularity - count).every((byte) => byte === count);
    if (isPadding) return block.subarray(0, granularity - count);
    block.fill(0);
    throw new AuthenticationError();
  }

  #end(why: string): void {
    this.#ended = why;
    this.#rest.fill(0);
  }

  #requireOpen(): void {
    const { name, requireOpen } = this.#work;
    if (this.#ended !== undefined) throw new ClosedError(`data for ${name}: ${this.#ended}`);
    requireOpen();
  }
}
