import type { Cipher, Device, Hash, HashName, HmacName } from "@cryptodev/core";
import { CIOCAUTHCRYPT, CRYPTO_HMAC_MAX_KEY_LEN } from "@cryptodev/core/abi";
import { isMissing } from "@cryptodev/core/host";
import { hashOf } from "./algorithms.ts";
import type { Bytes } from "./bytes.ts";
import { Lack } from "./errors.ts";
import { exported } from "./keys.ts";
import { MAX_AT_ONCE, Pace, type Timed } from "./pace.ts";
import { type Key, partsOf } from "./platform.ts";
import { Pool, type Pooled } from "./pool.ts";
import {
  type AtOnceSession,
  atOnce,
  type DigestSession,
  inPlace,
  inTurn,
  type KeySession,
  transferred,
  type Work,
} from "./work.ts";

/**
 * A device whose operations threads run, such as the `AsyncDevice` that `openAsync()` opens. It must support the same
 * algorithms as the device that it accompanies.
 */
export interface ThreadedDevice {
  /** Starts a session that encrypts and decrypts. */
  cipher(name: "aes-cbc" | "aes-ctr", key: Uint8Array): Promise<ThreadedSession>;
  /** Starts a session that encrypts and authenticates. */
  aead(name: "aes-gcm", key: Uint8Array): Promise<ThreadedSession>;
  /** Starts a session that hashes. */
  hash(name: HashName): Promise<ThreadedSession>;
  /** Starts a session that computes an HMAC. */
  hmac(name: HmacName, key: Uint8Array): Promise<ThreadedSession>;
}

/** A session of a {@link ThreadedDevice}. Those of an `AsyncDevice` also have the methods of their kind. */
export type ThreadedSession = Pooled;

/** Returns the device for large data; `undefined` if there is none. */
export type OpenThreads = () => Promise<ThreadedDevice | undefined>;

/**
 * How many sessions of keys are open at a time, on the device and for large data. A session that was closed starts again
 * when its key is used. The driver looks for the session of each operation in a list, so every session that is open costs
 * all others time.
 */
const MAX_SESSIONS = 256;
const MAX_POOLS = 32;

/** What is known about a key. */
interface Entry {
  session: AtOnceSession | undefined;
  readonly pool: Pool<ThreadedSession>;
  /** An iv, and the bytes of a key that is not extractable, encrypted with a key that only the device has. */
  readonly sealed: Sealed | undefined;
}

interface Sealed {
  readonly iv: Bytes;
  readonly bytes: Bytes;
}

/**
 * The sessions of a device. That of a key is started when the key is used first, and closed when the key is collected,
 * or when too many are open.
 */
export class Sessions {
  readonly #device: () => Device;
  readonly #openThreads: OpenThreads;
  readonly #pace = new Pace();
  #threads: Promise<ThreadedDevice | undefined> | undefined;
  readonly #entries = new WeakMap<Key, Entry>();
  /** The entries with a session, the one that was used last at the end. */
  readonly #open = new Set<Entry>();
  /** The pools that may have sessions, in the same order. */
  readonly #pools = new Set<Pool<ThreadedSession>>();
  readonly #collected = new FinalizationRegistry<Entry>((entry) => {
    this.#close(entry);
    this.#pools.delete(entry.pool);
    entry.pool.close();
  });
  readonly #hashes = new Map<HashName, Hash>();
  readonly #hashPools = new Map<HashName, Pool<ThreadedSession>>();
  #sealer: Cipher<"aes-ctr"> | undefined;
  #names: ReadonlySet<string> | undefined;

  constructor(device: () => Device, openThreads: OpenThreads) {
    this.#device = device;
    this.#openThreads = openThreads;
  }

  /**
   * Remembers a key that is not extractable, so that the device can use it. Its bytes are kept only encrypted, under a
   * random key that only the device has.
   *
   * @param bytes - the key's bytes, which are wiped
   */
  keep(key: Key, bytes: Bytes): void {
    try {
      const iv = crypto.getRandomValues(new Uint8Array(16));
      this.#add(key, { iv, bytes: this.#seal().encrypt(bytes, iv) });
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * Works with a session of a key: at once, because the session may be closed after it, or in a thread.
   *
   * @param size - how many bytes are processed
   * @returns the result of `work`
   * @throws {Lack} if the device cannot use the key
   */
  async use<T>(key: Key, size: number, work: (session: KeySession) => Work<T>): Promise<T> {
    const here = (session: AtOnceSession): T => atOnce(work(inPlace(session)));
    if (size <= MAX_AT_ONCE) return this.#useHere(key, here);
    const { name, hash } = partsOf(key).algorithm;
    return this.#large(
      `${name} ${hash?.name}`,
      size,
      (timed) => this.#useHere(key, (session) => timed(() => here(session))),
      (threads) => this.#useThread(threads, key, work),
    );
  }

  async #useHere<T>(key: Key, here: (session: AtOnceSession) => T): Promise<T> {
    const known = this.#entries.get(key);
    if (known?.session?.closed === false) {
      this.#open.delete(known);
      this.#open.add(known);
      return here(known.session);
    }
    const bytes = await this.#bytesOf(key);
    try {
      // Another operation may have started one meanwhile.
      const entry = this.#entries.get(key) ?? this.#add(key, undefined);
      if (entry.session?.closed !== false) {
        const { name, start } = startOf(this.#device(), key);
        entry.session = orLack(name, () => start(this.#device() as unknown as Starter<AtOnceSession>, bytes));
        this.#open.add(entry);
        this.#closeOldest();
      }
      return here(entry.session);
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * Hashes data: at once, or in a thread.
   *
   * @throws {Lack} if the device does not have the hash
   */
  async digest(name: HashName, data: Bytes): Promise<Bytes> {
    const here = (): Bytes => this.#hash(name).digest(data);
    if (data.length <= MAX_AT_ONCE) return here();
    return this.#large(
      name,
      data.length,
      (timed) => timed(here),
      (threads) => this.#digestInThread(threads, name, data),
    );
  }

  #digestInThread(threads: ThreadedDevice, name: HashName, data: Bytes): Promise<Bytes> {
    let pool = this.#hashPools.get(name);
    if (pool === undefined) {
      pool = new Pool();
      this.#hashPools.set(name, pool);
    }
    const start = () => threads.hash(name).catch((error) => lackOr(name, error));
    return pool.use(start, async (session) => (session as unknown as DigestSession).digest(data, transferred));
  }

  /** Processes large data here if that does not take long, otherwise in a thread, if there are any. */
  async #large<T>(
    algorithm: string,
    size: number,
    here: (timed: Timed) => T | Promise<T>,
    inThread: (threads: ThreadedDevice) => Promise<T>,
  ): Promise<T> {
    if (this.#pace.accepts(algorithm, size)) return this.#pace.run(algorithm, size, here);
    const threads = await this.#threaded();
    return threads === undefined ? here((operation) => operation()) : inThread(threads);
  }

  #hash(name: HashName): Hash {
    const known = this.#hashes.get(name);
    if (known?.closed === false) return known;
    const hash = orLack(name, () => this.#device().hash(name));
    this.#hashes.set(name, hash);
    return hash;
  }

  /** Checks whether the device has an algorithm, such as `aes-gcm`, `sha256` or `hmac-sha256`. */
  has(name: string): boolean {
    this.#names ??= new Set(
      this.#device()
        .capabilities()
        .filter(({ available }) => available)
        .map(({ kind, name }) => (kind === "hmac" ? `hmac-${name}` : name)),
    );
    return this.#names.has(name);
  }

  /** Closes the sessions, when nothing can use them any more. */
  close(): void {
    for (const entry of this.#open) this.#close(entry);
    for (const hash of this.#hashes.values()) hash.close();
    for (const pool of [...this.#pools, ...this.#hashPools.values()]) pool.close();
    this.#sealer?.close();
  }

  #threaded(): Promise<ThreadedDevice | undefined> {
    this.#threads ??= this.#openThreads().catch((error) => {
      // The next call tries again.
      this.#threads = undefined;
      throw error;
    });
    return this.#threads;
  }

  #useThread<T>(threads: ThreadedDevice, key: Key, work: (session: KeySession) => Work<T>): Promise<T> {
    const { pool } = this.#entries.get(key) ?? this.#add(key, undefined);
    this.#pools.delete(pool);
    this.#pools.add(pool);
    for (const oldest of this.#pools) {
      if (this.#pools.size <= MAX_POOLS) break;
      this.#pools.delete(oldest);
      oldest.close();
    }
    const starting = async (): Promise<ThreadedSession> => {
      const { name, start } = startOf(this.#device(), key);
      const bytes = await this.#bytesOf(key);
      try {
        // The key is copied within the call.
        return start(threads as Starter<Promise<ThreadedSession>>, bytes).catch((error) => lackOr(name, error));
      } finally {
        bytes.fill(0);
      }
    };
    return pool.use(starting, (session) => inTurn(work(session as unknown as KeySession)));
  }

  /** Returns the bytes of a key, which the caller wipes. */
  #bytesOf(key: Key): Promise<Bytes> | Bytes {
    const sealed = this.#entries.get(key)?.sealed;
    return sealed === undefined ? exported(key) : this.#seal().decrypt(sealed.bytes, sealed.iv);
  }

  #add(key: Key, sealed: Sealed | undefined): Entry {
    const entry = { session: undefined, pool: new Pool<ThreadedSession>(), sealed };
    this.#entries.set(key, entry);
    this.#collected.register(key, entry);
    return entry;
  }

  #seal(): Cipher<"aes-ctr"> {
    if (this.#sealer !== undefined) return this.#sealer;
    const secret = crypto.getRandomValues(new Uint8Array(new ArrayBuffer(32)));
    try {
      this.#sealer = orLack("aes-ctr", () => this.#device().cipher("aes-ctr", secret));
      return this.#sealer;
    } finally {
      secret.fill(0);
    }
  }

  #closeOldest(): void {
    for (const entry of this.#open) {
      if (this.#open.size <= MAX_SESSIONS) return;
      this.#close(entry);
    }
  }

  #close(entry: Entry): void {
    this.#open.delete(entry);
    entry.session?.close();
    entry.session = undefined;
  }
}

/** A device, by the methods that start sessions of keys. */
interface Starter<S> {
  cipher(name: "aes-cbc" | "aes-ctr", key: Bytes): S;
  aead(name: "aes-gcm", key: Bytes): S;
  hmac(name: HmacName, key: Bytes): S;
}

/** How to start a session of a key. */
interface Start {
  readonly name: string;
  start<S>(on: Starter<S>, bytes: Bytes): S;
}

/** @throws {Lack} if the device cannot use such keys */
function startOf(device: Device, key: Key): Start {
  const { algorithm } = partsOf(key);
  const { name } = algorithm;
  if (name === "AES-CBC") return { name, start: (on, bytes) => on.cipher("aes-cbc", bytes) };
  if (name === "AES-CTR") return { name, start: (on, bytes) => on.cipher("aes-ctr", bytes) };
  if (name === "AES-GCM") {
    // In a 32-bit process on a 64-bit kernel, the session starts, but its operations fail.
    if (!device.answers(CIOCAUTHCRYPT)) throw new Lack("the device does not support AES-GCM for a 32-bit process");
    return { name, start: (on, bytes) => on.aead("aes-gcm", bytes) };
  }
  const hash = hashOf(algorithm.hash?.name);
  const what = `HMAC with ${algorithm.hash?.name}`;
  if (hash === undefined) throw new Lack(`the device does not support ${what}`);
  const start = <S>(on: Starter<S>, bytes: Bytes): S => {
    if (bytes.length <= CRYPTO_HMAC_MAX_KEY_LEN) return on.hmac(hash, bytes);
    // A longer key is hashed first (RFC 2104).
    const hasher = device.hash(hash);
    const digest = hasher.digest(bytes);
    try {
      return on.hmac(hash, digest);
    } finally {
      hasher.close();
      digest.fill(0);
    }
  };
  return { name: what, start };
}

/** @throws {Lack} if the device does not have the algorithm */
function orLack<S>(name: string, start: () => S): S {
  try {
    return start();
  } catch (error) {
    return lackOr(name, error);
  }
}

/**
 * Throws an error of a session's start.
 *
 * @throws {Lack} if the device does not have the algorithm
 */
function lackOr(name: string, error: unknown): never {
  if (isMissing(error)) throw new Lack(`the device does not support ${name}`, { cause: error });
  throw error;
}
