import { COP_ENCRYPT, COP_FLAG_FINAL, COP_FLAG_RESET, COP_FLAG_UPDATE } from "../abi/constants.ts";
import type { HashName, KeyedMacName, NamedMac } from "../algorithms/catalogue.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import { alignedMemory, CACHE_LINE } from "../memory/aligned.ts";
import { copyInto, partOf, sizeOf } from "../memory/bytes.ts";
import { startMac } from "../sessions/start.ts";
import type { SubmissionQueue } from "./submission_queue.ts";
import { SubmittedOperations, SubmittedSession } from "./submitted_session.ts";

/**
 * A session that hashes, with a key (HMAC) or without, and whose operations the driver runs asynchronously
 * (CIOCASYNCCRYPT), in the order of their calls. {@link Submitter.hash} and {@link Submitter.hmac} start it.
 */
export class SubmittedHash extends SubmittedSession {
  readonly #mac: NamedMac<HashName | KeyedMacName>;
  readonly #file: DeviceFile;
  readonly #operations: SubmittedOperations;

  /** @internal */
  constructor(
    file: DeviceFile,
    queue: SubmissionQueue,
    mac: NamedMac<HashName | KeyedMacName>,
    key: Uint8Array | undefined,
  ) {
    const kernel = startMac(file, mac, key);
    const operations = new SubmittedOperations(kernel, queue);
    super(kernel, operations);
    this.#operations = operations;
    this.#mac = mac;
    this.#file = file;
  }

  /** The algorithm's name: that of the hash, or `hmac-` followed by that of the hash. */
  get name(): HashName | KeyedMacName {
    return this.#mac.name;
  }

  /** Bytes in a digest. */
  get digestSize(): number {
    return this.#mac.digestSize;
  }

  /**
   * Hashes a whole message.
   *
   * @param data - the message. It is copied, so it may be changed at once
   * @returns {@link SubmittedHash.digestSize} bytes in new memory
   * @throws {TypeError} if `data` is not a Uint8Array, or its buffer was detached
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  async digest(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    this.#operations.requireOpen();
    const size = sizeOf(data, "data", this.#mac.name);
    const { host, options } = this.#file;
    const memory = alignedMemory(host, size, CACHE_LINE);
    copyInto(memory, partOf(data, 0, size));
    const digest = alignedMemory(host, this.#mac.digestSize, CACHE_LINE);
    const submitted: Promise<void>[] = [];
    for (let done = 0; done === 0 || done < size; done += options.chunkSize) {
      const end = Math.min(done + options.chunkSize, size);
      const isLast = end === size;
      const flags = (done === 0 ? COP_FLAG_RESET : 0) | (isLast ? COP_FLAG_FINAL : COP_FLAG_UPDATE);
      const src = partOf(memory, done, end);
      submitted.push(
        this.#operations.submit(this, {
          op: COP_ENCRYPT,
          flags,
          src,
          dst: null,
          mac: isLast ? digest : null,
          iv: null,
        }),
      );
    }
    await Promise.all(submitted);
    return digest;
  }
}
