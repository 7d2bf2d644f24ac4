import {
  type AeadName,
  type AeadOptions,
  type CipherName,
  ClosedError,
  type Device,
  type HashName,
  type HmacName,
  inWords,
  type KeyedMacName,
  type Written,
} from "@cryptodev/core";
import type { Open, OpenOptions } from "../open.ts";
import { Driver } from "./driver.ts";
import type { Executor } from "./executor.ts";
import { ownOption } from "./options.ts";
import type { Started } from "./protocol.ts";
import { Remote } from "./remote.ts";
import { AsyncAead, AsyncCipher, AsyncHash, type AsyncSession, copied } from "./sessions.ts";

/** Options of `openAsync`. */
export interface AsyncOpenOptions extends Pick<OpenOptions, "backend" | "path" | "hardware" | "chunkSize"> {
  /**
   * How many threads to start, each with a device of its own, among which sessions are distributed: 1 to 256. Defaults
   * to 1. None are started if the driver itself runs operations asynchronously, except for AEADs.
   */
  readonly workers?: number | undefined;
}

/** A wrong number must not exhaust the machine. */
const MAX_WORKERS = 256;

type Kind<S extends AsyncSession> = new (executor: Executor, id: number, started: Started) => S;

/**
 * A device whose operations do not block the event loop: the driver itself runs them, if it was built with
 * ENABLE_ASYNC; otherwise worker threads do, each with a device of its own. `openAsync` opens it.
 *
 * The operations of one session run in the order of their calls. An idle device does not keep the process alive.
 */
export class AsyncDevice {
  /** The backend: the kernel's driver, or the software device. */
  readonly backend: Device["backend"];
  /** The path that was opened. */
  readonly path: string;
  /** The driver itself, if it runs operations asynchronously. */
  readonly #driver: Driver | undefined;
  readonly #makeRemotes: () => Promise<readonly Remote[]>;
  #remotes: Promise<readonly Remote[]> | undefined;
  #started = 0;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(
    { backend, path }: Pick<Device, "backend" | "path">,
    driver: Driver | undefined,
    makeRemotes: () => Promise<readonly Remote[]>,
  ) {
    this.backend = backend;
    this.path = path;
    this.#driver = driver;
    this.#makeRemotes = makeRemotes;
    // Without the driver only threads are left. They were started before, to find out whether they can be.
    if (driver === undefined) this.#remotes = makeRemotes();
  }

  /**
   * Starts a cipher session, like {@link Device.cipher}. The key is copied to the thread, and wiped there once the
   * kernel has it.
   *
   * @returns the session; every error of {@link Device.cipher} rejects the promise
   */
  cipher(name: Written<CipherName>, key: Uint8Array): Promise<AsyncCipher> {
    return this.#start(AsyncCipher, "cipher", name, key);
  }

  /**
   * Starts a session that hashes, like {@link Device.hash}.
   *
   * @returns the session; every error of {@link Device.hash} rejects the promise
   */
  hash(name: Written<HashName>): Promise<AsyncHash> {
    return this.#start(AsyncHash, "hash", name);
  }

  /**
   * Starts a session that computes an HMAC, like {@link Device.hmac}.
   *
   * @returns the session; every error of {@link Device.hmac} rejects the promise
   */
  hmac(name: Written<HmacName | KeyedMacName>, key: Uint8Array): Promise<AsyncHash> {
    return this.#start(AsyncHash, "hmac", name, key);
  }

  /**
   * Starts an AEAD session, like {@link Device.aead}.
   *
   * @returns the session; every error of {@link Device.aead} rejects the promise
   */
  aead(name: Written<AeadName>, key: Uint8Array, options?: AeadOptions): Promise<AsyncAead> {
    return this.#start(AsyncAead, "aead", name, key, options);
  }

  async #start<S extends AsyncSession>(
    kind: Kind<S>,
    method: "cipher" | "hash" | "hmac" | "aead",
    name: string,
    key?: Uint8Array,
    options?: AeadOptions,
  ): Promise<S> {
    if (this.#closing !== undefined) throw new ClosedError(`${this.path}: the device was closed`);
    if (typeof name !== "string") throw new TypeError(`name for ${method}: expected a string, got ${inWords(name)}`);
    const checked = method === "aead" ? { tagSize: ownOption(options, "tagSize", "number") } : undefined;
    const id = this.#started;
    this.#started += 1;
    // Copy the key before the first await: the caller may wipe it as soon as the call returns.
    const copy = method === "hash" ? undefined : copied(key as Uint8Array, "key", method);
    try {
      const executor = await this.#executorFor(method, id);
      const started = await executor.start({ session: id, method, name, key: copy, options: checked });
      return new kind(executor, id, started);
    } finally {
      copy?.fill(0);
    }
  }

  /** Selects the driver if it supports the method, otherwise one of the threads, which are started on first use. */
  async #executorFor(method: string, id: number): Promise<Executor> {
    if (this.#driver !== undefined && method !== "aead") return this.#driver;
    this.#remotes ??= this.#makeRemotes();
    const remotes = await this.#remotes;
    return remotes[id % remotes.length] as Remote;
  }

  /**
   * Waits for the operations in flight, then ends the sessions, the devices and the threads. Further calls return the
   * same promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    // Threads that failed to start have nothing open, and their error was reported to the operation that needed them.
    const remotes = (await this.#remotes?.catch(() => [])) ?? [];
    const executors: readonly Executor[] = this.#driver === undefined ? remotes : [this.#driver, ...remotes];
    // Close all of them, even if one fails.
    const endings = await Promise.allSettled(executors.map((executor) => executor.close()));
    const failed = endings.find((ending) => ending.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Calls {@link AsyncDevice.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Opens a device for `openAsync`.
 *
 * @param openDevice - opens the device that decides whether the driver itself runs operations asynchronously
 * @param runtime - the `runtime` of the entry that `openDevice` is from
 */
export async function openAsyncWith(openDevice: Open, runtime: string, given?: AsyncOpenOptions): Promise<AsyncDevice> {
  const workers = ownOption(given, "workers", "number") ?? 1;
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
    throw new RangeError(`workers: expected an integer from 1 to ${MAX_WORKERS}, got ${workers}`);
  }
  const options = {
    backend: ownOption(given, "backend", "string"),
    path: ownOption(given, "path", "string"),
    hardware: ownOption(given, "hardware", "string"),
    chunkSize: ownOption(given, "chunkSize", "number"),
  };
  const startThreads = async (): Promise<readonly Remote[]> => {
    const remotes: Remote[] = [];
    try {
      for (let count = 0; count < workers; count += 1) remotes.push(new Remote(runtime, options));
      await Promise.all(remotes.map((remote) => remote.ready));
      return remotes;
    } catch (error) {
      await Promise.allSettled(remotes.map((remote) => remote.close()));
      throw error;
    }
  };
  // This also checks the options before a thread is started with them.
  const device = openDevice(options);
  let driver: Driver | undefined;
  try {
    driver = Driver.of(device);
  } finally {
    if (driver === undefined) device.close();
  }
  if (driver !== undefined) return new AsyncDevice(device, driver, startThreads);
  const remotes = await startThreads();
  return new AsyncDevice(device, undefined, async () => remotes);
}
