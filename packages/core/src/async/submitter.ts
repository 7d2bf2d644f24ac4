import {
  type CipherName,
  type CipherNameOf,
  findCipher,
  findHash,
  findHmac,
  type HashName,
  type HmacName,
  type KeyedMacName,
  type Written,
} from "../algorithms.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import { SubmissionQueue } from "./submission_queue.ts";
import { SubmittedCipher } from "./submitted_cipher.ts";
import { SubmittedHash } from "./submitted_hash.ts";

/**
 * Starts sessions whose operations the driver runs asynchronously. {@link Device.submitter} returns it if the driver was
 * built with ENABLE_ASYNC.
 */
export class Submitter {
  readonly #file: DeviceFile;
  readonly #queue: SubmissionQueue;

  private constructor(file: DeviceFile, queue: SubmissionQueue) {
    this.#file = file;
    this.#queue = queue;
    file.keepDeviceFor(this);
  }

  /** @internal */
  static of(file: DeviceFile, wait: () => Promise<void>): Submitter | undefined {
    const queue = SubmissionQueue.of(file, wait);
    return queue === undefined ? undefined : new Submitter(file, queue);
  }

  /**
   * Starts a cipher session.
   *
   * @returns the session; its errors are those of {@link Device.cipher}
   */
  cipher<Name extends Written<CipherName>>(name: Name, key: Uint8Array): SubmittedCipher<CipherNameOf<Name>> {
    return new SubmittedCipher<CipherNameOf<Name>>(this.#file, this.#queue, findCipher(name), key);
  }

  /**
   * Starts a session that hashes.
   *
   * @returns the session; its errors are those of {@link Device.hash}
   */
  hash(name: Written<HashName>): SubmittedHash {
    return new SubmittedHash(this.#file, this.#queue, findHash(name), undefined);
  }

  /**
   * Starts a session that computes an HMAC.
   *
   * @returns the session; its errors are those of {@link Device.hmac}
   */
  hmac(name: Written<HmacName | KeyedMacName>, key: Uint8Array): SubmittedHash {
    return new SubmittedHash(this.#file, this.#queue, findHmac(name), key);
  }
}
