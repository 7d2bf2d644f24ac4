import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_WRITE_IV } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCCRYPT } from "../abi/ioctls.ts";
import type { NamedCipher } from "../algorithms.ts";
import { checkDestination, checkIv, checkKey, checkSource, granularityOf, isXts, requireChunks } from "../checks.ts";
import type { Device } from "../device.ts";
import { asyncCall } from "../kernel/async_call.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { CryptOperation } from "../kernel/operation.ts";
import type { Submitter } from "../kernel/submitter.ts";
import { alignedMemory, CACHE_LINE } from "../memory/aligned.ts";
import { copyInto, partOf } from "../memory/bytes.ts";
import { type ChunkOptions, CipherChunks } from "./chunks.ts";
import { kernelSessionOf, Session } from "./session.ts";

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
  /** The cipher's name, as it was requested. */
  readonly name: string;
  /** The length of the data must be a multiple of this many bytes; 1 if every length is valid. */
  readonly blockSize: number;
  /** Bytes in an iv; 0 if the cipher does not use one. */
  readonly ivSize: number;
  readonly #cipher: NamedCipher;
  readonly #kernel: KernelSession;
  readonly #operation: CryptOperation;
  readonly #granularity: number;
  readonly #chunkSize: number;
  #chained = false;
  /** The size of the last operation, in bytes. */
  #size = 0;
  /** The last operation that was submitted asynchronously. */
  #submitted: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(device: Device, file: DeviceFile, cipher: NamedCipher, key: Uint8Array) {
    checkKey(key, cipher);
    const { id, kernelName, blockSize, ivSize } = cipher.algorithm;
    super(device, file, cipher.name, `${kernelName}`, { cipher: id, key, mac: 0, mackey: undefined });
    this.name = cipher.name;
    this.blockSize = blockSize;
    this.ivSize = ivSize;
    this.#cipher = cipher;
    this.#kernel = kernelSessionOf(this);
    this.#operation = new CryptOperation(this.#kernel, { name: cipher.name, ivSize, macSize: 0 }, isXts(cipher));
    this.#granularity = granularityOf(cipher);
    this.#chunkSize = file.options.chunkSize;
  }

  /**
   * Encrypts into new memory (CIOCCRYPT).
   *
   * @param source - any number of whole blocks of {@link Cipher.blockSize} bytes; there is no padding
   * @param iv - {@link Cipher.ivSize} bytes. If it is omitted, the operation continues from the end of the session's
   * last one, as if both were one operation. It is required for the first operation, after one that ended within a
   * block, and always for XTS
   * @returns as many bytes as `source` has
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if a required iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  encrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_ENCRYPT, source, iv);
  }

  /**
   * Decrypts into new memory. Otherwise like {@link Cipher.encrypt}.
   *
   * @returns as many bytes as `source` has
   */
  decrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_DECRYPT, source, iv);
  }

  /**
   * Encrypts into existing memory, without allocating any.
   *
   * @param destination - at least as many bytes as `source`: either `source` itself, to work in place, or separate
   * memory
   * @returns the number of bytes written
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if a required iv is missing
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps the
   * source
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const ctr = device.cipher("aes-ctr", crypto.getRandomValues(new Uint8Array(16)));
   * const memory = device.allocate(4096);
   * // In place, and in two operations: the second continues where the first one ended.
   * ctr.encryptInto(memory.subarray(0, 1024), memory.subarray(0, 1024), crypto.getRandomValues(new Uint8Array(16)));
   * console.log(ctr.encryptInto(memory.subarray(1024), memory.subarray(1024))); // 3072
   * device.close();
   * ```
   */
  encryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_ENCRYPT, source, destination, iv);
  }

  /**
   * Decrypts into existing memory. Otherwise like {@link Cipher.encryptInto}.
   *
   * @returns the number of bytes written
   */
  decryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_DECRYPT, source, destination, iv);
  }

  /**
   * Has the driver encrypt asynchronously, into new memory (CIOCASYNCCRYPT). `source` and `iv` are copied, so they may
   * be changed at once. Operations finish in the order of their calls.
   *
   * @param submitter - as {@link Device.submitter} returns it
   * @returns as {@link Cipher.encrypt}
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if a required iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  async encryptAsync(submitter: Submitter, source: Uint8Array, iv?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#submit(COP_ENCRYPT, submitter, source, iv);
  }

  /**
   * Has the driver decrypt asynchronously. Otherwise like {@link Cipher.encryptAsync}.
   *
   * @returns as {@link Cipher.decrypt}
   */
  async decryptAsync(submitter: Submitter, source: Uint8Array, iv?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#submit(COP_DECRYPT, submitter, source, iv);
  }

  async #submit(
    op: number,
    submitter: Submitter,
    source: Uint8Array,
    iv: Uint8Array | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    this.#kernel.requireOpen();
    const size = checkSource(source, this.#cipher);
    checkIv(iv, this.#cipher, this.#chained);
    if (size > this.#chunkSize) requireChunks(this.#cipher, `${size} bytes`);
    // The driver cannot copy unaligned data here.
    const { host } = this.#kernel.file;
    const memory = alignedMemory(host, size, CACHE_LINE);
    copyInto(memory, partOf(source, 0, size));
    const start = iv === undefined ? null : alignedMemory(host, this.#cipher.algorithm.ivSize, CACHE_LINE);
    if (start !== null) copyInto(start, iv as Uint8Array);
    const submitted: Promise<void>[] = [];
    for (let done = 0; done === 0 || done < size; done += this.#chunkSize) {
      const part = partOf(memory, done, Math.min(done + this.#chunkSize, size));
      const data = { op, flags: 0, src: part, dst: part, mac: null, iv: done === 0 ? start : null };
      const call = asyncCall(host, this.#kernel.id, data);
      submitted.push(this.#kernel.submit(submitter, call, part.length));
    }
    this.#chained = size % this.#granularity === 0;
    // An operation that continues from one that fails was submitted before the failure was known, so it fails too.
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
   * Creates an object that encrypts data that arrives in chunks of any size.
   *
   * @param iv - {@link Cipher.ivSize} bytes; omitted if the cipher does not use one
   * @returns the encryptor
   * @throws {TypeError} if the iv is not a Uint8Array, or its buffer was detached; if it is missing
   * @throws {RangeError} if the iv has the wrong size, an option is invalid, or the cipher is XTS, which works on whole
   * sectors
   */
  encryptor(iv?: Uint8Array, options: ChunkOptions = {}): CipherChunks {
    return this.#chunks(COP_ENCRYPT, iv, options);
  }

  /**
   * Creates an object that decrypts data that arrives in chunks of any size. Otherwise like {@link Cipher.encryptor}.
   *
   * @returns the decryptor
   */
  decryptor(iv?: Uint8Array, options: ChunkOptions = {}): CipherChunks {
    return this.#chunks(COP_DECRYPT, iv, options);
  }

  #chunks(op: number, iv: Uint8Array | undefined, options: ChunkOptions): CipherChunks {
    requireChunks(this.#cipher, "data in chunks");
    checkIv(iv, this.#cipher, false);
    const running = iv === undefined ? null : new Uint8Array(new ArrayBuffer(this.#cipher.algorithm.ivSize));
    if (running !== null) copyInto(running, iv as Uint8Array);
    const work = (flags: number) => (source: Uint8Array, size: number, destination: Uint8Array) => {
      this.#kernel.requireIdle();
      this.#chained = false;
      this.#send(op, flags, source, size, destination, running);
    };
    return new CipherChunks(
      {
        name: this.#cipher.name,
        decrypt: op === COP_DECRYPT,
        // Only the data of a stream cipher may end with a partial block.
        granularity: this.#granularity,
        isWhole: this.#cipher.algorithm.blockSize > 1,
        refusal: (hint: string) => this.#kernel.file.refusal(errnos.EBADMSG, CIOCCRYPT.name, hint),
        run: work(COP_FLAG_WRITE_IV),
        peek: work(0),
      },
      options,
    );
  }

  #fresh(op: number, source: Uint8Array, iv: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
    this.#kernel.requireIdle();
    const size = checkSource(source, this.#cipher);
    checkIv(iv, this.#cipher, this.#chained);
    const destination = new Uint8Array(size);
    this.#operate(op, source, size, destination, iv);
    return destination;
  }

  #into(op: number, source: Uint8Array, destination: Uint8Array, iv: Uint8Array | undefined): number {
    this.#kernel.requireIdle();
    const operation = this.#operation;
    if (operation.isOver(source, destination, iv)) {
      const size = this.#size;
      this.#chained = false;
      operation.again(op, size);
      this.#chained = size % this.#granularity === 0;
      return size;
    }
    const size = checkSource(source, this.#cipher);
    checkDestination(destination, size, source, size, this.#cipher.name);
    checkIv(iv, this.#cipher, this.#chained);
    this.#operate(op, source, size, destination, iv);
    this.#size = size;
    if (iv !== undefined && size <= this.#chunkSize) operation.settle(source, size, destination, iv);
    return size;
  }

  #operate(op: number, source: Uint8Array, size: number, destination: Uint8Array, iv: Uint8Array | undefined): void {
    // A failed operation may or may not have changed the kernel's iv, so the next one needs an iv of its own.
    this.#chained = false;
    this.#send(op, 0, source, size, destination, iv ?? null);
    this.#chained = size % this.#granularity === 0;
  }

  /**
   * Sends data in as many calls as necessary. With WRITE_IV each call passes an iv; otherwise the session's own
   * continues.
   */
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
      this.#operation.run(op, flags, source, size, destination, iv, null);
      return;
    }
    requireChunks(this.#cipher, `${size} bytes`);
    for (let done = 0; done < size; done += most) {
      const end = Math.min(done + most, size);
      const start = done === 0 || flags !== 0 ? iv : null;
      const [from, to] = [partOf(source, done, end), partOf(destination, done, end)];
      this.#operation.run(op, flags, from, end - done, to, start, null);
    }
  }
}
