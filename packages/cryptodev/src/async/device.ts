import { availableParallelism } from "node:os";
import {
  type AeadName,
  type AeadOptions,
  type Capability,
  type CapabilityOptions,
  type CipherName,
  type CipherNameOf,
  type CipherWithMacStart,
  ClosedError,
  type Device,
  type HashName,
  type HmacName,
  type KeyedMacName,
  type SrtpStart,
  type TlsStart,
  type Written,
} from "@cryptodev/core";
import type { Ioctl } from "@cryptodev/core/abi";
import { inWords, own } from "@cryptodev/core/host";
import type { Open, OpenOptions } from "../open.ts";
import { copiedKey, plain, wipeKeys } from "./arguments.ts";
import { Driver } from "./driver.ts";
import type { Executor } from "./executor.ts";
import { type Argument, type CallMethod, DEVICE, type StartMethod } from "./protocol.ts";
import { Remote } from "./remote.ts";
import { AsyncAead } from "./sessions/aead.ts";
import { AsyncCipher, type AsyncCipherOf } from "./sessions/cipher.ts";
import { AsyncCipherWithMac } from "./sessions/cipher_with_mac.ts";
import { AsyncHash, AsyncHmac } from "./sessions/hash.ts";
import { type Make, start } from "./sessions/session.ts";
import { AsyncSrtpCipher } from "./sessions/srtp.ts";
import { AsyncTlsCipher } from "./sessions/tls.ts";
import { Threads } from "./threads.ts";

/** Options of `openAsync`. There is no `trace`, which a thread could not call. */
export interface AsyncOpenOptions
  extends Pick<OpenOptions, "backend" | "path" | "hardware" | "chunkSize" | "statistics"> {
  /**
   * The largest number of threads, each with a device of its own: 1 to 256. Defaults to the number of the machine's
   * processors, at most 8. `openAsync` starts one; others start when a session is started while all have one.
   */
  readonly workers?: number | undefined;
  /**
   * Whether the driver itself runs the operations of ciphers, hashes and HMACs, without a thread, if it was built with
   * ENABLE_ASYNC. It accepts only whole messages: `update()`, `copy()`, `encryptor()` and `decryptor()` are rejected
   * with an {@link UnsupportedError}, because the driver cannot continue from one such operation to the next. All
   * other sessions run in threads anyway. Defaults to `false`; without effect if the driver was not built for it.
   */
  readonly submit?: boolean | undefined;
  /**
   * Whether operations on at most 4096 bytes are done at once, in the thread that calls them, if the session has no
   * others in its thread: they take less time than a message to a thread. Each session then has a counterpart on a
   * device of this thread. Defaults to `true`, and is without effect with `statistics`, which are counted per session.
   */
  readonly inline?: boolean | undefined;
}

/** A wrong number must not exhaust the machine. */
const MAX_WORKERS = 256;
/** More threads than this are not started unless they are asked for: each takes some 10 MB. */
const MAX_BY_DEFAULT = 8;

/**
 * A device whose operations do not block the event loop: threads run them, each with a device of its own. `openAsync`
 * opens it. It has the methods of {@link Device}, each of which returns a promise, except for three: `allocate()`, because
 * data is copied for its thread anyway, `clone()`, because nothing shares the descriptor of a thread, and `submitter()`,
 * in place of which there is the option `submit`.
 *
 * Each session stays in the thread with the fewest sessions when it started, and its operations run in the order of
 * their calls. Operations on a whole message accept an `AbortSignal`: `signal` is a member of their last parameter. An
 * idle device does not keep the process alive.
 *
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const aes = await device.cipher("aes-ctr", crypto.getRandomValues(new Uint8Array(16)));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const ciphertext = await aes.encrypt(new Uint8Array(1 << 20), iv, { signal: AbortSignal.timeout(10_000) });
 * console.log(ciphertext.length); // 1048576
 * await device.close();
 * ```
 */
export class AsyncDevice {
  /** The backend: the kernel's driver, or the software device. */
  readonly backend: Device["backend"];
  /** The path that was opened. */
  readonly path: string;
  /** The device of this thread, for the driver or for small operations; closed if neither uses it. */
  readonly #device: Device;
  /** The driver itself, if it runs operations. */
  readonly #driver: Driver | undefined;
  readonly #threads: Threads;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(device: Device, driver: Driver | undefined, threads: Threads) {
    this.backend = device.backend;
    this.path = device.path;
    this.#device = device;
    this.#driver = driver;
    this.#threads = threads;
  }

  /** Whether {@link AsyncDevice.close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Starts a session that encrypts and decrypts, like {@link Device.cipher}.
   *
   * @param key - as many bytes as the cipher requires. It is copied, and the copies are wiped once the kernel has it, as
   * for all kinds of sessions
   * @returns the session; every error of {@link Device.cipher} rejects the promise
   */
  async cipher<Name extends Written<CipherName>>(
    name: Name,
    key: Uint8Array,
  ): Promise<AsyncCipherOf<CipherNameOf<Name>>> {
    const args = [nameOf(name, "name", "cipher"), copiedKey(key, "key", "cipher")];
    const session: unknown = await this.#submit(
      (...made) => new AsyncCipher<CipherNameOf<Name>>(...made),
      "cipher",
      args,
    );
    return session as AsyncCipherOf<CipherNameOf<Name>>;
  }

  /**
   * Starts a session that hashes, like {@link Device.hash}.
   *
   * @returns the session; every error of {@link Device.hash} rejects the promise
   */
  async hash(name: Written<HashName>): Promise<AsyncHash> {
    return this.#submit((...made) => new AsyncHash(...made), "hash", [nameOf(name, "name", "hash")]);
  }

  /**
   * Starts a session that computes an HMAC, like {@link Device.hmac}.
   *
   * @returns the session; every error of {@link Device.hmac} rejects the promise
   */
  async hmac(name: Written<HmacName | KeyedMacName>, key: Uint8Array): Promise<AsyncHmac> {
    const args = [nameOf(name, "name", "hmac"), copiedKey(key, "key", "hmac")];
    return this.#submit((...made) => new AsyncHmac(...made), "hmac", args);
  }

  /**
   * Starts a session that encrypts and computes a mac of the plaintext in one pass, like {@link Device.cipherWithMac}.
   *
   * @returns the session; every error of {@link Device.cipherWithMac} rejects the promise
   */
  async cipherWithMac(given: CipherWithMacStart): Promise<AsyncCipherWithMac> {
    const args = [partsOf(given, "cipherWithMac")];
    return this.#start((...made) => new AsyncCipherWithMac(...made), "cipherWithMac", args);
  }

  /**
   * Starts a session that encrypts and authenticates, like {@link Device.aead}.
   *
   * @returns the session; every error of {@link Device.aead} rejects the promise
   */
  async aead(name: Written<AeadName>, key: Uint8Array, options?: AeadOptions): Promise<AsyncAead> {
    const checked = {
      tagSize: plain(own(options, "tagSize", "aead"), "number", "tagSize", "aead"),
      managedNonce: plain(own(options, "managedNonce", "aead"), "boolean", "managedNonce", "aead"),
    };
    const args = [nameOf(name, "name", "aead"), copiedKey(key, "key", "aead"), checked];
    return this.#start((...made) => new AsyncAead(...made), "aead", args);
  }

  /**
   * Starts a session for the records of TLS with a block cipher, like {@link Device.tls}.
   *
   * @returns the session; every error of {@link Device.tls} rejects the promise
   */
  async tls(given: TlsStart): Promise<AsyncTlsCipher> {
    return this.#start((...made) => new AsyncTlsCipher(...made), "tls", [partsOf(given, "tls")]);
  }

  /**
   * Starts a session for SRTP packets, like {@link Device.srtp}.
   *
   * @returns the session; every error of {@link Device.srtp} rejects the promise
   */
  async srtp(given: SrtpStart): Promise<AsyncSrtpCipher> {
    const tagSize = plain(own(given, "tagSize", "srtp"), "number", "tagSize", "srtp");
    const args = [{ ...partsOf(given, "srtp"), tagSize }];
    return this.#start((...made) => new AsyncSrtpCipher(...made), "srtp", args);
  }

  /**
   * Tries every algorithm and reports which ones work and which driver serves them, like {@link Device.capabilities}.
   *
   * @returns plain data, ordered by name; every error of {@link Device.capabilities} rejects the promise
   * @example
   * ```ts
   * import { openAsync } from "cryptodev";
   *
   * const device = await openAsync({ backend: "auto" });
   * const gcm = (await device.capabilities()).find(({ name }) => name === "aes-gcm");
   * console.log(gcm?.available && gcm.driver);
   * await device.close();
   * ```
   */
  async capabilities(options?: CapabilityOptions): Promise<Capability[]> {
    const hardware = plain(own(options, "hardware", "capabilities"), "string", "hardware", "capabilities");
    return (await this.#call("capabilities", [{ hardware }])) as Capability[];
  }

  /**
   * Asks whether the driver supports an ioctl, like {@link Device.answers}.
   *
   * @param ioctl - `CIOCAUTHCRYPT` or `CIOCCPHASH`
   * @returns whether it does; `true` for any other ioctl
   */
  async answers(ioctl: Ioctl): Promise<boolean> {
    return (await this.#call("answers", [plain(ioctl.name, "string", "name", "answers")])) as boolean;
  }

  /** Starts a session that the driver itself may run. */
  #submit<T extends object>(make: Make<T>, method: StartMethod, args: readonly Argument[]): Promise<T> {
    const choose = (): Executor => {
      const threads = this.#open();
      return this.#driver ?? threads.forSession();
    };
    return start(make, choose, DEVICE, method, args);
  }

  /** Starts a session that only a thread can run. */
  #start<T extends object>(make: Make<T>, method: StartMethod, args: readonly Argument[]): Promise<T> {
    return start(make, () => this.#open().forSession(), DEVICE, method, args);
  }

  async #call(method: CallMethod, args: readonly Argument[]): Promise<unknown> {
    const threads = this.#open();
    return (await (this.#driver ?? threads.any()).call(DEVICE, method, args)).result;
  }

  /** @throws {ClosedError} if the device is closed */
  #open(): Threads {
    if (this.#closing !== undefined) throw new ClosedError(`${this.path}: the device was closed`);
    return this.#threads;
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
    // Close all of them, even if one fails.
    const endings = await Promise.allSettled([this.#driver?.close(), this.#threads.close()]);
    this.#device.close();
    const failed = endings.find((ending) => ending.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Calls {@link AsyncDevice.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function nameOf(name: unknown, role: string, method: string): string {
  if (typeof name === "string") return name;
  throw new TypeError(`${role} for ${method}: expected a string, got ${inWords(name)}`);
}

/** Copies the algorithms and keys of a session, each once. */
function partsOf(
  given: CipherWithMacStart | TlsStart | SrtpStart,
  method: string,
): { readonly [name: string]: Argument } {
  const cipher = nameOf(own(given, "cipher", method), "cipher", method);
  const mac = nameOf(own(given, "mac", method), "mac", method);
  const key = copiedKey(own(given, "key", method) as Uint8Array, "key", method);
  try {
    const macKey = own(given, "macKey", method);
    return { cipher, key, mac, macKey: macKey === undefined ? undefined : copiedKey(macKey, "macKey", method) };
  } catch (error) {
    wipeKeys([key]);
    throw error;
  }
}

/**
 * Opens a device for `openAsync`.
 *
 * @param openDevice - opens a device once, which checks the options, and takes part if the driver itself runs operations
 * @param runtime - the `runtime` of the entry that `openDevice` is from
 */
export async function openAsyncWith(openDevice: Open, runtime: string, given?: AsyncOpenOptions): Promise<AsyncDevice> {
  const what = "openAsync";
  const workers = plain(own(given, "workers", what), "number", "workers", what) ?? defaultWorkers();
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
    throw new RangeError(`workers: expected an integer from 1 to ${MAX_WORKERS}, got ${workers}`);
  }
  const submit = plain(own(given, "submit", what), "boolean", "submit", what) ?? false;
  const inline = plain(own(given, "inline", what), "boolean", "inline", what) ?? true;
  const options = {
    backend: own(given, "backend", what),
    path: own(given, "path", what),
    hardware: own(given, "hardware", what),
    chunkSize: own(given, "chunkSize", what),
    statistics: own(given, "statistics", what),
  };
  const device = openDevice(options);
  try {
    const driver = submit ? Driver.of(device) : undefined;
    const mayBeInline = inline && options.statistics !== true;
    const threads = new Threads(workers, () => new Remote(runtime, options, mayBeInline ? device : undefined));
    // A thread that cannot start is an error now, and not only of the first session.
    if (driver === undefined) await readyOrClosed(threads);
    if (driver === undefined && !mayBeInline) device.close();
    return new AsyncDevice(device, driver, threads);
  } catch (error) {
    device.close();
    throw error;
  }
}

async function readyOrClosed(threads: Threads): Promise<void> {
  try {
    await threads.any().ready;
  } catch (error) {
    await threads.close();
    throw error;
  }
}

function defaultWorkers(): number {
  return Math.min(availableParallelism(), MAX_BY_DEFAULT);
}
