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
   * Threads, each with a device of its own; sessions take turns among them. Defaults to 1, at most 256. The driver needs
   * none.
   */
  readonly workers?: number | undefined;
}

/** A mistake in a number should not use up the machine. */
const MOST_WORKERS = 256;

type Kind<S extends AsyncSession> = new (executor: Executor, id: number, started: Started) => S;

/**
 * A device whose operations do not block the event loop: they are done by the driver itself, where it was built for that
 * (ENABLE_ASYNC), and by worker threads, each with a device of its own, everywhere else. `openAsync` opens it.
 *
 * The operations of one session are done in the order of their calls. The process does not wait for a device that has
 * nothing to do.
 */
export class AsyncDevice {
  /** What answers: the kernel's driver, or the software device. */
  readonly backend: Device["backend"];
  /** The path that was opened. */
  readonly path: string;
  /** The driver itself, where it can work beside the program. */
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
    // Without the driver all that there is are threads, and these were started to see whether they can be.
    if (driver === undefined) this.#remotes = makeRemotes();
  }

  /** As {@link Device.cipher}. The key is copied to the thread, and wiped there once the kernel has it. */
  cipher(name: Written<CipherName>, key: Uint8Array): Promise<AsyncCipher> {
    return this.#start(AsyncCipher, "cipher", name, key);
  }

  /** As {@link Device.hash}. */
  hash(name: Written<HashName>): Promise<AsyncHash> {
    return this.#start(AsyncHash, "hash", name);
  }

  /** As {@link Device.hmac}. */
  hmac(name: Written<HmacName | KeyedMacName>, key: Uint8Array): Promise<AsyncHash> {
    return this.#start(AsyncHash, "hmac", name, key);
  }

  /** As {@link Device.aead}. */
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
    // The key is copied before anything is waited for: it is the caller's to wipe as soon as the call returns.
    const copy = method === "hash" ? undefined : copied(key as Uint8Array, "key", method);
    try {
      const executor = await this.#executorFor(method, id);
      const started = await executor.start({ session: id, method, name, key: copy, options: checked });
      return new kind(executor, id, started);
    } finally {
      copy?.fill(0);
    }
  }

  /** The driver does what it can; the threads, which are started when they are first needed, take turns with the rest. */
  async #executorFor(method: string, id: number): Promise<Executor> {
    if (this.#driver !== undefined && method !== "aead") return this.#driver;
    this.#remotes ??= this.#makeRemotes();
    const remotes = await this.#remotes;
    return remotes[id % remotes.length] as Remote;
  }

  /** Waits for what is in flight, then ends the sessions, the devices and the threads. Closing again waits with it. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    // Threads that could not be started have nothing open, and said so to whoever needed them.
    const remotes = (await this.#remotes?.catch(() => [])) ?? [];
    const executors: readonly Executor[] = this.#driver === undefined ? remotes : [this.#driver, ...remotes];
    // All of them, even if one fails.
    const endings = await Promise.allSettled(executors.map((executor) => executor.close()));
    const failed = endings.find((ending) => ending.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** The same as {@link AsyncDevice.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Opens a device for `openAsync`.
 *
 * @param openDevice - how; what it opens decides whether the driver works by itself
 * @param runtime - what the entry that it is from says of the runtime
 */
export async function openAsyncWith(openDevice: Open, runtime: string, given?: AsyncOpenOptions): Promise<AsyncDevice> {
  const workers = ownOption(given, "workers", "number") ?? 1;
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) {
    throw new RangeError(`workers: expected an integer from 1 to ${MOST_WORKERS}, got ${workers}`);
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
  // It also finds what is wrong with the options, before a thread is started with them.
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
