import { COP_DECRYPT, COP_ENCRYPT } from "../abi/constants.ts";
import type { CipherName, IvOf, NamedCipher } from "../algorithms/catalogue.ts";
import { checkIv, checkSource, requireDivisible } from "../checks.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import { alignedMemory, CACHE_LINE } from "../memory/aligned.ts";
import { copyInto, partOf } from "../memory/bytes.ts";
import { startCipher } from "../sessions/start.ts";
import type { SubmissionQueue } from "./submission_queue.ts";
import { SubmittedOperations, SubmittedSession } from "./submitted_session.ts";

/**
 * A cipher session whose operations the driver runs asynchronously (CIOCASYNCCRYPT), in the order of their calls.
 * {@link Submitter.cipher} starts it.
 */
export class SubmittedCipher<Name extends CipherName = CipherName> extends SubmittedSession {
  readonly #cipher: NamedCipher;
  readonly #file: DeviceFile;
  readonly #operations: SubmittedOperations;

  /** @internal */
  constructor(file: DeviceFile, queue: SubmissionQueue, cipher: NamedCipher, key: Uint8Array) {
    const kernel = startCipher(file, cipher, key);
    const operations = new SubmittedOperations(kernel, queue);
    super(kernel, operations);
    this.#operations = operations;
    this.#cipher = cipher;
    this.#file = file;
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
   * Encrypts into new memory. `source` and `iv` are copied, so they may be changed at once.
   *
   * @returns as many bytes as `source` has
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  async encrypt(source: Uint8Array, ...iv: IvOf<Name>): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate(COP_ENCRYPT, source, iv[0]);
  }

  /**
   * Decrypts into new memory. Otherwise like {@link SubmittedCipher.encrypt}.
   *
   * @returns as many bytes as `source` has
   */
  async decrypt(source: Uint8Array, ...iv: IvOf<Name>): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate(COP_DECRYPT, source, iv[0]);
  }

  async #operate(op: number, source: Uint8Array, iv: Uint8Array | undefined): Promise<Uint8Array<ArrayBuffer>> {
    this.#operations.requireOpen();
    const size = checkSource(source, this.#cipher);
    checkIv(iv, this.#cipher);
    const { host, options } = this.#file;
    requireDivisible(this.#cipher, size, options.chunkSize);
    // The driver cannot copy unaligned data here.
    const memory = alignedMemory(host, size, CACHE_LINE);
    copyInto(memory, partOf(source, 0, size));
    const start = iv === undefined ? null : alignedMemory(host, this.#cipher.algorithm.ivSize, CACHE_LINE);
    if (start !== null) copyInto(start, iv as Uint8Array);
    const submitted: Promise<void>[] = [];
    for (let done = 0; done === 0 || done < size; done += options.chunkSize) {
      const part = partOf(memory, done, Math.min(done + options.chunkSize, size));
      // Without an iv, the driver continues from the operation before. It ignores flags of asynchronous operations.
      submitted.push(
        this.#operations.submit(this, { op, flags: 0, src: part, dst: part, mac: null, iv: done === 0 ? start : null }),
      );
    }
    await Promise.all(submitted);
    return memory;
  }
}
