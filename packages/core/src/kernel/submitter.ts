import { errnos } from "../abi/errno.ts";
import { CIOCASYNCFETCH } from "../abi/ioctls.ts";
import type { crypt_op } from "../abi/structs.ts";
import { CryptodevError } from "../errors.ts";
import { Call } from "../memory/call.ts";
import type { DeviceFile } from "./device_file.ts";

/** `POLLIN` of `<poll.h>`: an operation can be fetched. */
const POLLIN = 1;

/** Errors of a fetch that are not those of an operation. */
const retried: readonly number[] = [errnos.EBUSY, errnos.EINTR, errnos.EAGAIN];

/** An operation on its way. Its call keeps its memory alive until it is fetched. */
interface Submission {
  readonly call: Call<typeof crypt_op>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Hands operations to a driver that carries them out by itself (CIOCASYNCCRYPT), and fetches them when they are finished
 * (CIOCASYNCFETCH). {@link Device.submitter} gives it, where the driver was built with ENABLE_ASYNC.
 *
 * The driver finishes in the order of submission; its 64 places are filled up again as they become free.
 */
export class Submitter {
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

  /** @internal */
  static of(file: DeviceFile, wait: () => Promise<void>): Submitter | undefined {
    const fetch = new Call(file.host, CIOCASYNCFETCH);
    try {
      file.ioctl(fetch);
    } catch (error) {
      if (!(error instanceof CryptodevError)) throw error;
      // With nothing to fetch, a driver that has the ioctl answers EBUSY; one without it does not know the number.
      if (error.errno !== errnos.EBUSY) return undefined;
    }
    return new Submitter(file, fetch, wait);
  }

  /**
   * @internal Resolves when the operation is finished; `call` and its memory are the driver's until then.
   *
   * @param owner - the file that the operation's session ends with, which may be a clone: neither can be closed meanwhile
   */
  submit(call: Call<typeof crypt_op>, owner: DeviceFile): Promise<void> {
    const files = new Set([this.#file, owner]);
    for (const file of files) file.inFlight += 1;
    const promise = new Promise<void>((resolve, reject) => this.#queued.push({ call, resolve, reject }));
    this.#submitQueued();
    if (!this.#isPumping) void this.#pump();
    return promise.finally(() => {
      for (const file of files) file.inFlight -= 1;
    });
  }

  #submitQueued(): void {
    for (let next = this.#queued[0]; next !== undefined; next = this.#queued[0]) {
      try {
        this.#file.ioctl(next.call);
        this.#flying.push(next);
      } catch (error) {
        // All places are taken: it waits for one.
        if (error instanceof CryptodevError && error.errno === errnos.EBUSY && this.#flying.length > 0) return;
        next.reject(error);
      }
      this.#queued.shift();
    }
  }

  /** Fetches until nothing is on its way any more. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    while (this.#flying.length > 0) {
      await this.#wait();
      // Each finished operation once; one that could not be fetched is asked for again after the next pause.
      for (let left = this.#flying.length; left > 0 && this.#file.isReady(POLLIN); left -= 1) this.#fetchOne();
      this.#submitQueued();
    }
    this.#isPumping = false;
  }

  /** The driver tells not which operation it hands out, but it is always the oldest. */
  #fetchOne(): void {
    const [oldest] = this.#flying;
    try {
      this.#file.ioctl(this.#fetch);
      oldest?.resolve();
    } catch (error) {
      // Nothing was handed out: it is still to come.
      if (error instanceof CryptodevError && retried.includes(error.errno)) return;
      oldest?.reject(error);
    }
    this.#flying.shift();
  }
}
