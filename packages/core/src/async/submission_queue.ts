import { POLLIN } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCASYNCFETCH } from "../abi/ioctls.ts";
import type { crypt_op } from "../abi/structs.ts";
import { CryptodevError } from "../errors.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import { Call } from "../memory/call.ts";

/** Errors of the fetch itself, not of an operation. */
const retried: readonly number[] = [errnos.EBUSY, errnos.EINTR, errnos.EAGAIN];

/** A submitted operation. Its call keeps its memory alive until it is fetched. */
interface Submission {
  readonly call: Call<typeof crypt_op>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Submits operations that a driver carries out asynchronously (CIOCASYNCCRYPT), and fetches them when they are finished
 * (CIOCASYNCFETCH).
 *
 * The driver finishes operations in the order of their submission. It has 64 slots, which are refilled as they become
 * free.
 */
export class SubmissionQueue {
  readonly #file: DeviceFile;
  readonly #wait: () => Promise<void>;
  readonly #fetch: Call<typeof crypt_op>;
  readonly #queued: Submission[] = [];
  readonly #flying: Submission[] = [];
  #isPumping = false;

  private constructor(file: DeviceFile, fetch: Call<typeof crypt_op>, wait: () => Promise<void>) {
    this.#file = file;
    this.#fetch = fetch;
    this.#wait = wait;
  }

  /** @returns `undefined` if the driver was built without ENABLE_ASYNC */
  static of(file: DeviceFile, wait: () => Promise<void>): SubmissionQueue | undefined {
    const fetch = new Call(file.host, CIOCASYNCFETCH);
    try {
      file.ioctl(fetch);
    } catch (error) {
      if (!(error instanceof CryptodevError)) throw error;
      // If there is nothing to fetch, a driver that has the ioctl returns EBUSY; one without it does not know the
      // number.
      if (error.errno !== errnos.EBUSY) return undefined;
    }
    return new SubmissionQueue(file, fetch, wait);
  }

  /**
   * Resolves when the operation is finished. Until then `call` and its memory belong to the driver, and the file cannot
   * be closed.
   */
  submit(call: Call<typeof crypt_op>): Promise<void> {
    this.#file.inFlight += 1;
    const promise = new Promise<void>((resolve, reject) => this.#queued.push({ call, resolve, reject }));
    this.#submitQueued();
    if (!this.#isPumping) void this.#pump();
    return promise.finally(() => {
      this.#file.inFlight -= 1;
    });
  }

  #submitQueued(): void {
    for (let next = this.#queued[0]; next !== undefined; next = this.#queued[0]) {
      try {
        this.#file.ioctl(next.call);
        this.#flying.push(next);
      } catch (error) {
        // All slots are taken: the operation waits for a free one.
        if (error instanceof CryptodevError && error.errno === errnos.EBUSY && this.#flying.length > 0) return;
        next.reject(error);
      }
      this.#queued.shift();
    }
  }

  /** Fetches until no operation is in flight. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    while (this.#flying.length > 0) {
      try {
        await this.#wait();
      } catch {
        // Nothing else says when to look, so this thread waits for the driver.
        this.#file.isReady(POLLIN, -1);
      }
      // Fetch each finished operation once; if a fetch fails, it is repeated after the next pause.
      for (let left = this.#flying.length; left > 0 && this.#file.isReady(POLLIN); left -= 1) this.#fetchOne();
      this.#submitQueued();
    }
    this.#isPumping = false;
  }

  /** The driver does not report which operation it returns, but it is always the oldest. */
  #fetchOne(): void {
    const [oldest] = this.#flying;
    try {
      this.#file.ioctl(this.#fetch);
      oldest?.resolve();
    } catch (error) {
      // The driver did not return an operation: it is still to come.
      if (error instanceof CryptodevError && retried.includes(error.errno)) return;
      oldest?.reject(error);
    }
    this.#flying.shift();
  }
}
