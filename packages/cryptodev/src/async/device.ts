import {
  type AeadName,
  type AeadOptions,
  type CipherName,
  ClosedError,
  type Device,
  type HashName,
  type HmacName,
  type SessionInfo,
} from "@cryptodev/core";
import type { Open, OpenOptions } from "../open.ts";
import { Driver } from "./driver.ts";
import type { Executor } from "./executor.ts";
import { Remote } from "./remote.ts";
import { AsyncAead, AsyncCipher, AsyncHash, type AsyncSession, copied } from "./sessions.ts";

/** Options of `openAsync`. */
export interface AsyncOpenOptions extends Pick<OpenOptions, "backend" | "path" | "hardware" | "chunkSize"> {
  /** Threads, each with a device of its own; sessions take turns among them. 1 if left out. The driver needs none. */
  readonly workers?: number | undefined;
}

type Kind<S extends AsyncSession> = new (name: string, executor: Executor, id: number, info: SessionInfo) => S;

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
  cipher(name: CipherName, key: Uint8Array): Promise<AsyncCipher> {
    return this.#start(AsyncCipher, "cipher", name, key);
  }

  /** As {@link Device.hash}. */
  hash(name: HashName): Promise<AsyncHash> {
    return this.#start(AsyncHash, "hash", name);
  }

  /** As {@link Device.hmac}. */
  hmac(name: HmacName, key: Uint8Array): Promise<AsyncHash> {
    return this.#start(AsyncHash, "hmac", name, key);
  }

  /** As {@link Device.aead}. */
  aead(name: AeadName, key: Uint8Array, options?: AeadOptions): Promise<AsyncAead> {
    return this.#start(AsyncAead, "aead", name, key, options);
  }

  async #start<S extends AsyncSession>(
    kind: Kind<S>,
    method: string,
    name: string,
    key?: Uint8Array,
    options?: object,
  ): Promise<S> {
    if (this.#closing !== undefined) throw new ClosedError(`${this.path}: the device was closed`);
    const id = this.#started;
    this.#started += 1;
    // The key is copied before anything is waited for: it is the caller's to wipe as soon as the call returns.
    const fullName = method === "hmac" ? `hmac-${name}` : name;
    const args = [
      name,
      ...(key === undefined ? [] : [copied(key, "key", fullName)]),
      ...(options === undefined ? [] : [options]),
    ];
    const executor = await this.#executorFor(method, id);
    const transfer = args.flatMap((arg) => (arg instanceof Uint8Array ? [arg.buffer as ArrayBuffer] : []));
    const info = await executor.call({ session: id, method, args, isStart: true }, transfer);
    return new kind(fullName, executor, id, info as SessionInfo);
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
    const remotes = (await this.#remotes) ?? [];
    await Promise.all([this.#driver?.close(), ...remotes.map((remote) => remote.close())]);
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
 */
export async function openAsyncWith(
  openDevice: Open,
  { workers = 1, backend, path, hardware, chunkSize }: AsyncOpenOptions,
): Promise<AsyncDevice> {
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`workers: expected 1 or more, got ${workers}`);
  const options = { backend, path, hardware, chunkSize };
  const startThreads = async (): Promise<readonly Remote[]> => {
    const remotes = Array.from({ length: workers }, () => new Remote(options));
    try {
      await Promise.all(remotes.map((remote) => remote.ready()));
      return remotes;
    } catch (error) {
      await Promise.all(remotes.map((remote) => remote.close()));
      throw error;
    }
  };
  const device = openDevice(options);
  const driver = Driver.of(device);
  if (driver !== undefined) return new AsyncDevice(device, driver, startThreads);
  device.close();
  const remotes = await startThreads();
  return new AsyncDevice(device, undefined, async () => remotes);
}
