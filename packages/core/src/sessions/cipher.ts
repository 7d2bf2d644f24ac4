import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_WRITE_IV } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCASYNCCRYPT } from "../abi/ioctls/CIOCASYNCCRYPT.ts";
import { CIOCCRYPT } from "../abi/ioctls/CIOCCRYPT.ts";
import type { NamedCipher } from "../algorithms.ts";
import { alignedMemory, CACHE_LINE } from "../aligned.ts";
import { byteLengthOf, partOf } from "../bytes.ts";
import { checkDestination, checkIv, checkKey, checkSource, granularityOf, requireChunks } from "../checks.ts";
import type { Descriptor } from "../descriptor.ts";
import type { Device } from "../device.ts";
import type { Channel } from "./channel.ts";
import { type ChunkOptions, CipherChunks } from "./chunks.ts";
import { Crypt } from "./crypt.ts";
import { channelOf, Session } from "./session.ts";
import type { Submitter } from "./submitter.ts";

/**
 * A session that encrypts and decrypts with one key. {@link Device.cipher} starts it.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const aes = device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(32)));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const ciphertext = aes.encrypt(new TextEncoder().encode("sixteen bytes ok"), iv);
 * console.log(new TextDecoder().decode(aes.decrypt(ciphertext, iv))); // sixteen bytes ok
 * device.close();
 * ```
 */
export class Cipher extends Session {
  /** The cipher's name, as it was asked for. */
  readonly name: string;
  /** The length of the data is a multiple of this many bytes; 1 where any length will do. */
  readonly blockSize: number;
  /** Bytes in an iv; 0 for a cipher without one. */
  readonly ivSize: number;
  readonly #cipher: NamedCipher;
  readonly #channel: Channel;
  readonly #crypt: Crypt;
  readonly #granularity: number;
  readonly #chunkSize: number;
  #chained = false;
  /** The size of the last operation. */
  #size = 0;
  /** The last operation that was submitted. */
  #submitted: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(device: Device, descriptor: Descriptor, cipher: NamedCipher, key: Uint8Array) {
    checkKey(key, cipher);
    const { id, kernelName, blockSize, ivSize } = cipher.algorithm;
    super(device, descriptor, cipher.name, `${kernelName}`, { cipher: id, key });
    this.name = cipher.name;
    this.blockSize = blockSize;
    this.ivSize = ivSize;
    this.#cipher = cipher;
    this.#channel = channelOf(this);
    this.#crypt = Crypt.of(this.#channel);
    this.#granularity = granularityOf(cipher);
    this.#chunkSize = descriptor.options.chunkSize;
  }

  /**
   * Encrypts into new memory (CIOCCRYPT).
   *
   * @param source - whole blocks of {@link Cipher.blockSize} bytes, any number of them; there is no padding
   * @param iv - {@link Cipher.ivSize} bytes. Left out, the operation goes on where the last one of this session ended, as
   * if both had been one. It is needed for the first one, after one that ended within a block, and for XTS always
   * @returns as many bytes as `source` has
   * @throws `TypeError` for what is no Uint8Array or is detached; `RangeError` for a wrong size; `ClosedError` after the
   * session's end; `CryptodevError` where the kernel refuses
   */
  encrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_ENCRYPT, source, iv);
  }

  /** Decrypts into new memory. All else is as in {@link Cipher.encrypt}. */
  decrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_DECRYPT, source, iv);
  }

  /**
   * Encrypts into given memory, and allocates nothing.
   *
   * @param destination - at least as many bytes as `source`: `source` itself, to work in place, or memory apart from it
   * @returns the number of bytes written
   * @throws as {@link Cipher.encrypt}; `RangeError` for a destination that is too short or overlaps the source partly
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const ctr = device.cipher("aes-ctr", crypto.getRandomValues(new Uint8Array(16)));
   * const memory = device.allocate(4096);
   * // In place, and in two operations: the second goes on where the first one ended.
   * ctr.encryptInto(memory.subarray(0, 1024), memory.subarray(0, 1024), crypto.getRandomValues(new Uint8Array(16)));
   * console.log(ctr.encryptInto(memory.subarray(1024), memory.subarray(1024))); // 3072
   * device.close();
   * ```
   */
  encryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_ENCRYPT, source, destination, iv);
  }

  /** Decrypts into given memory. All else is as in {@link Cipher.encryptInto}. */
  decryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_DECRYPT, source, destination, iv);
  }

  /**
   * Has the driver encrypt by itself, into new memory (CIOCASYNCCRYPT); the thread goes on meanwhile.
   *
   * @param submitter - that of {@link Device.submitter}
   * @returns what {@link Cipher.encrypt} returns; operations are finished in the order of their calls. `source` and `iv`
   * are copied, and free to change at once
   * @throws as {@link Cipher.encrypt}, by rejection
   */
  async encryptAsync(submitter: Submitter, source: Uint8Array, iv?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#submit(COP_ENCRYPT, submitter, source, iv);
  }

  /** Has the driver decrypt by itself. All else is as in {@link Cipher.encryptAsync}. */
  async decryptAsync(submitter: Submitter, source: Uint8Array, iv?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#submit(COP_DECRYPT, submitter, source, iv);
  }

  async #submit(
    op: number,
    submitter: Submitter,
    source: Uint8Array,
    iv: Uint8Array | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    this.#channel.requireOpen();
    const size = checkSource(source, this.#cipher);
    checkIv(iv, this.#cipher, this.#chained);
    if (size > this.#chunkSize) requireChunks(this.#cipher, `${size} bytes`);
    // The driver has no way to copy what is not aligned.
    const { host } = this.#channel.descriptor;
    const memory = alignedMemory(host, size, CACHE_LINE);
    memory.set(source);
    const start = iv === undefined ? null : alignedMemory(host, this.#cipher.algorithm.ivSize, CACHE_LINE);
    start?.set(iv as Uint8Array);
    const submitted: Promise<void>[] = [];
    for (let done = 0; done === 0 || done < size; done += this.#chunkSize) {
      const part = partOf(memory, done, Math.min(done + this.#chunkSize, size));
      const crypt = new Crypt(host, this.#channel.id, CIOCASYNCCRYPT);
      const call = crypt.prepare(op, 0, part.length, part, part, null, done === 0 ? start : null);
      submitted.push(this.#channel.submit(submitter, call, part.length));
    }
    this.#chained = size % this.#granularity === 0;
    // What goes on from an operation that fails was submitted before anybody could know, and fails with it.
    const finished = Promise.all(iv === undefined ? [this.#submitted, ...submitted] : submitted);
    this.#submitted = finished;
    try {
      await finished;
    } catch (error) {
      this.#chained = false;
      throw error;
    }
    return memory;
  }

  /**
   * Encrypts data that comes in chunks of any size.
   *
   * @param iv - {@link Cipher.ivSize} bytes; left out for a cipher without one
   * @throws `TypeError` and `RangeError` as {@link Cipher.encrypt}; `RangeError` for XTS, which works on whole sectors
   */
  encryptor(iv?: Uint8Array, options: ChunkOptions = {}): CipherChunks {
    return this.#chunks(COP_ENCRYPT, iv, options);
  }

  /** Decrypts data that comes in chunks of any size. All else is as in {@link Cipher.encryptor}. */
  decryptor(iv?: Uint8Array, options: ChunkOptions = {}): CipherChunks {
    return this.#chunks(COP_DECRYPT, iv, options);
  }

  #chunks(op: number, iv: Uint8Array | undefined, options: ChunkOptions): CipherChunks {
    requireChunks(this.#cipher, "data in chunks");
    checkIv(iv, this.#cipher, false);
    const running = iv === undefined ? null : new Uint8Array(new ArrayBuffer(this.#cipher.algorithm.ivSize));
    running?.set(iv as Uint8Array);
    const work = (flags: number) => (source: Uint8Array, destination: Uint8Array) => {
      this.#channel.requireIdle();
      this.#chained = false;
      this.#send(op, flags, source, byteLengthOf(source), destination, running);
    };
    return new CipherChunks(
      {
        name: this.#cipher.name,
        decrypt: op === COP_DECRYPT,
        // Only the end of the data may be a part of a block, and only of a stream.
        granularity: this.#granularity,
        isWhole: this.#cipher.algorithm.blockSize > 1,
        refusal: (hint: string) => this.#channel.descriptor.refusal(errnos.EBADMSG, CIOCCRYPT.name, hint),
        run: work(COP_FLAG_WRITE_IV),
        peek: work(0),
      },
      options,
    );
  }

  #fresh(op: number, source: Uint8Array, iv: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
    const destination = new Uint8Array(checkSource(source, this.#cipher));
    this.#into(op, source, destination, iv);
    return destination;
  }

  #into(op: number, source: Uint8Array, destination: Uint8Array, iv: Uint8Array | undefined): number {
    this.#channel.requireIdle();
    const crypt = this.#crypt;
    if (crypt.isOver(source, destination, iv)) {
      this.#chained = false;
      this.#channel.operate(crypt.again(op), this.#size);
      this.#chained = this.#size % this.#granularity === 0;
      return this.#size;
    }
    const size = checkSource(source, this.#cipher);
    checkDestination(destination, size, source, size, this.#cipher.name);
    checkIv(iv, this.#cipher, this.#chained);
    // A refused operation may have moved the kernel's iv or not: the next one has to bring its own.
    this.#chained = false;
    this.#send(op, 0, source, size, destination, iv ?? null);
    this.#size = size;
    this.#chained = size % this.#granularity === 0;
    if (iv !== undefined && size <= this.#chunkSize) crypt.remember(source, destination, iv);
    return size;
  }

  /** Sends data in as many calls as it takes. With WRITE_IV each one brings the iv, else the session's own goes on. */
  #send(
    op: number,
    flags: number,
    source: Uint8Array,
    size: number,
    destination: Uint8Array,
    iv: Uint8Array | null,
  ): void {
    const most = this.#chunkSize;
    if (size <= most) {
      this.#channel.operate(this.#crypt.prepare(op, flags, size, source, destination, null, iv), size);
      return;
    }
    requireChunks(this.#cipher, `${size} bytes`);
    for (let done = 0; done < size; done += most) {
      const end = Math.min(done + most, size);
      const start = done === 0 || flags !== 0 ? iv : null;
      const [from, to] = [partOf(source, done, end), partOf(destination, done, end)];
      this.#channel.operate(this.#crypt.prepare(op, flags, end - done, from, to, null, start), end - done);
    }
  }
}
