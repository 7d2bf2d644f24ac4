import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_WRITE_IV } from "../abi/constants.ts";
import type { CipherName, IvOf, NamedCipher, WithoutIvName } from "../algorithms/catalogue.ts";
import {
  checkDestination,
  checkIv,
  checkSource,
  granularityOf,
  isXts,
  requireChunks,
  requireDivisible,
} from "../checks.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { CryptOperation } from "../kernel/operation.ts";
import { asPlain, copyInto, partOf } from "../memory/bytes.ts";
import { type ChunkOptionsOf, CipherChunks, type EagerOptions, type PaddingOptions } from "./chunks.ts";
import { Session } from "./session.ts";
import { startCipher } from "./start.ts";

/** The parameters of {@link Cipher.encryptor}: an iv as for {@link Cipher.encrypt}, and options. */
export type ChunkArguments<Name extends CipherName> = [CipherName] extends [Name]
  ? [ivOrOptions?: Uint8Array | (PaddingOptions & EagerOptions) | undefined, options?: PaddingOptions & EagerOptions]
  : Name extends WithoutIvName
    ? [options?: ChunkOptionsOf<Name>]
    : [iv: Uint8Array, options?: ChunkOptionsOf<Name>];

/**
 * A session that encrypts and decrypts with one key. {@link Device.cipher} starts it.
 *
 * Each operation is complete: it starts from the iv that it is given. {@link Cipher.encryptor} continues from chunk to
 * chunk.
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
export class Cipher<Name extends CipherName = CipherName> extends Session {
  readonly #cipher: NamedCipher;
  readonly #kernel: KernelSession;
  readonly #operation: CryptOperation;
  readonly #granularity: number;
  readonly #chunkSize: number;
  /** The size of the last operation, in bytes. */
  #size = 0;

  private constructor(kernel: KernelSession, cipher: NamedCipher) {
    super(kernel);
    this.#cipher = cipher;
    this.#kernel = kernel;
    const sizes = { name: cipher.name, ivSize: cipher.algorithm.ivSize, macSize: 0 };
    this.#operation = new CryptOperation(kernel, sizes, isXts(cipher));
    this.#granularity = granularityOf(cipher);
    this.#chunkSize = kernel.file.options.chunkSize;
  }

  /** @internal */
  static start<Name extends CipherName>(file: DeviceFile, cipher: NamedCipher, key: Uint8Array): Cipher<Name> {
    return new Cipher<Name>(startCipher(file, cipher, key), cipher);
  }

  /** The cipher's name, as it was requested, in this library's form. */
  get name(): Name {
    return this.#cipher.name as Name;
  }

  /** The length of the data must be a multiple of this many bytes; 1 if every length is valid. */
  get blockSize(): number {
    return this.#cipher.algorithm.blockSize;
  }

  /** Bytes in an iv; 0 if the cipher does not use one. */
  get ivSize(): number {
    return this.#cipher.algorithm.ivSize;
  }

  /**
   * Encrypts into new memory (CIOCCRYPT).
   *
   * @param source - any number of whole blocks of {@link Cipher.blockSize} bytes; there is no padding
   * @param iv - {@link Cipher.ivSize} bytes; a cipher without an iv has no such parameter
   * @returns as many bytes as `source` has
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  encrypt(source: Uint8Array, ...iv: IvOf<Name>): Uint8Array<ArrayBuffer>;
  encrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_ENCRYPT, source, iv);
  }

  /**
   * Decrypts into new memory. Otherwise like {@link Cipher.encrypt}.
   *
   * @returns as many bytes as `source` has
   */
  decrypt(source: Uint8Array, ...iv: IvOf<Name>): Uint8Array<ArrayBuffer>;
  decrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_DECRYPT, source, iv);
  }

  /**
   * Encrypts into existing memory, without allocating any.
   *
   * @param destination - at least as many bytes as `source`: either `source` itself, to work in place, or separate
   * memory
   * @param iv - {@link Cipher.ivSize} bytes; a cipher without an iv has no such parameter
   * @returns the number of bytes written
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
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
   * console.log(ctr.encryptInto(memory, memory, crypto.getRandomValues(new Uint8Array(16)))); // 4096
   * device.close();
   * ```
   */
  encryptInto(source: Uint8Array, destination: Uint8Array, ...iv: IvOf<Name>): number;
  encryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_ENCRYPT, source, destination, iv);
  }

  /**
   * Decrypts into existing memory. Otherwise like {@link Cipher.encryptInto}.
   *
   * @returns the number of bytes written
   */
  decryptInto(source: Uint8Array, destination: Uint8Array, ...iv: IvOf<Name>): number;
  decryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_DECRYPT, source, destination, iv);
  }

  /**
   * Creates an object that encrypts data that arrives in chunks of any size. XTS does not have it: it works on whole
   * sectors.
   *
   * @param args - the iv of {@link Cipher.ivSize} bytes, if the cipher uses one; then options
   * @returns the encryptor
   * @throws {TypeError} if the iv is not a Uint8Array, or its buffer was detached; if it is missing
   * @throws {RangeError} if the iv has the wrong size, an option is invalid, or the cipher is XTS
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const aes = device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(16)));
   * const encryptor = aes.encryptor(crypto.getRandomValues(new Uint8Array(16)), { padding: true });
   * console.log(encryptor.update(new Uint8Array(20)).length, encryptor.final().length); // 16 16
   * device.close();
   * ```
   */
  encryptor(...args: ChunkArguments<Name>): CipherChunks;
  encryptor(first?: Uint8Array | object, second?: object): CipherChunks {
    return this.#chunks(COP_ENCRYPT, first, second);
  }

  /**
   * Creates an object that decrypts data that arrives in chunks of any size. Otherwise like {@link Cipher.encryptor}.
   *
   * @returns the decryptor
   */
  decryptor(...args: ChunkArguments<Name>): CipherChunks;
  decryptor(first?: Uint8Array | object, second?: object): CipherChunks {
    return this.#chunks(COP_DECRYPT, first, second);
  }

  #chunks(op: number, first: Uint8Array | object | undefined, second: object | undefined): CipherChunks {
    const { name, algorithm } = this.#cipher;
    requireChunks(this.#cipher, op === COP_ENCRYPT ? "encryptor" : "decryptor");
    const hasIv = algorithm.ivSize > 0;
    // Without an iv, the only parameter is the options. An iv is refused, with options or without.
    const isIv = hasIv || second !== undefined || ArrayBuffer.isView(first);
    const iv = isIv ? (first as Uint8Array | undefined) : undefined;
    checkIv(iv, this.#cipher);
    const running = iv === undefined ? null : new Uint8Array(new ArrayBuffer(algorithm.ivSize));
    if (running !== null) copyInto(running, iv as Uint8Array);
    const work = (flags: number) => (source: Uint8Array, size: number, destination: Uint8Array) =>
      this.#send(op, flags, source, size, destination, running);
    const create = (source: Uint8Array, size: number) => this.#create(op, COP_FLAG_WRITE_IV, source, size, running);
    return new CipherChunks(
      {
        name,
        decrypt: op === COP_DECRYPT,
        // Only the data of a stream cipher may end with a partial block.
        granularity: this.#granularity,
        isWhole: algorithm.blockSize > 1,
        requireOpen: () => this.#kernel.requireOpen(),
        run: work(COP_FLAG_WRITE_IV),
        create: this.#operation.creates ? create : undefined,
        peek: work(0),
      },
      hasIv ? second : (second ?? (first as object | undefined)),
    );
  }

  #fresh(op: number, source: Uint8Array, iv: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
    this.#kernel.requireOpen();
    const size = checkSource(source, this.#cipher);
    checkIv(iv, this.#cipher, source, "source, iv");
    if (this.#operation.creates) return asPlain(this.#create(op, 0, source, size, iv ?? null));
    const destination = new Uint8Array(size);
    this.#send(op, 0, source, size, destination, iv ?? null);
    return destination;
  }

  /** Sends data whose result is in memory of the device. */
  #create(op: number, flags: number, source: Uint8Array, size: number, iv: Uint8Array | null): Uint8Array {
    if (size <= this.#chunkSize) return this.#operation.create(op, flags, source, size, iv);
    const destination = new Uint8Array(size);
    this.#send(op, flags, source, size, destination, iv);
    return destination;
  }

  #into(op: number, source: Uint8Array, destination: Uint8Array, iv: Uint8Array | undefined): number {
    this.#kernel.requireOpen();
    const operation = this.#operation;
    if (operation.isOver(source, destination, iv)) {
      operation.again(op, this.#size);
      return this.#size;
    }
    const size = checkSource(source, this.#cipher);
    checkIv(iv, this.#cipher, destination, "source, destination, iv");
    checkDestination(destination, size, source, size, this.#cipher.name);
    this.#send(op, 0, source, size, destination, iv ?? null);
    this.#size = size;
    if (size <= this.#chunkSize) operation.settle(source, size, destination, iv);
    return size;
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
    requireDivisible(this.#cipher, size, most);
    this.#operation.checkWhole(source, size, destination);
    const before = iv === null || flags === 0 ? undefined : iv.slice();
    try {
      for (let done = 0; done < size; done += most) {
        const end = Math.min(done + most, size);
        const start = done === 0 || flags !== 0 ? iv : null;
        const [from, to] = [partOf(source, done, end), partOf(destination, done, end)];
        this.#operation.run(op, flags, from, end - done, to, start, null);
      }
    } catch (error) {
      // The data can be processed again from where it began.
      if (before !== undefined) copyInto(iv as Uint8Array, before);
      throw error;
    }
  }
}
