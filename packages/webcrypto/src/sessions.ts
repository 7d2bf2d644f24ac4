import type { Aead, Cipher, Device, Hash, HashName, Hmac } from "@cryptodev/core";
import { CIOCAUTHCRYPT, CRYPTO_HMAC_MAX_KEY_LEN } from "@cryptodev/core/abi";
import { isMissing } from "@cryptodev/core/host";
import { hashOf, lackOf } from "./algorithms.ts";
import { Doubt, Lack } from "./errors.ts";
import { isKey, type Key, native, partsOf } from "./platform.ts";

/** A session for the operations of a key. */
export type KeySession = Cipher<"aes-cbc"> | Cipher<"aes-ctr"> | Aead | Hmac;

/** How many sessions of keys are open at a time. A session that was closed starts again when its key is used. */
const MAX_SESSIONS = 256;

/** What is known about a key. */
interface Entry {
  session: KeySession | undefined;
  /** An iv, and the bytes of a key that is not extractable, encrypted with a key that only the device has. */
  readonly sealed: Sealed | undefined;
}

interface Sealed {
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The sessions of a device. That of a key is started when the key is used first, and closed when the key is collected,
 * or when too many are open.
 */
export class Sessions {
  readonly #device: () => Device;
  readonly #entries = new WeakMap<Key, Entry>();
  /** The entries with a session, the one that was used last at the end. */
  readonly #open = new Set<Entry>();
  readonly #collected = new FinalizationRegistry<Entry>((entry) => this.#close(entry));
  readonly #hashes = new Map<HashName, Hash>();
  #sealer: Cipher<"aes-ctr"> | undefined;

  constructor(device: () => Device) {
    this.#device = device;
  }

  /**
   * Remembers a key that is not extractable, so that the device can use it. Its bytes are kept only encrypted, under a
   * random key that only the device has.
   *
   * @param bytes - the key's bytes, which are wiped
   */
  keep(key: Key, bytes: Uint8Array<ArrayBuffer>): void {
    try {
      const iv = crypto.getRandomValues(new Uint8Array(16));
      this.#add(key, { session: undefined, sealed: { iv, bytes: this.#seal().encrypt(bytes, iv) } });
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * Works with the session of a key. The work is done at once, because the session may be closed after it.
   *
   * @returns the result of `work`
   * @throws {Lack} if the device cannot use the key
   */
  async use<T>(key: Key, work: (session: KeySession) => T): Promise<T> {
    const known = this.#entries.get(key);
    if (known?.session?.closed === false) {
      this.#open.delete(known);
      this.#open.add(known);
      return work(known.session);
    }
    const bytes =
      known?.sealed === undefined ? await exported(key) : this.#seal().decrypt(known.sealed.bytes, known.sealed.iv);
    try {
      // Another operation may have started one meanwhile.
      const entry = this.#entries.get(key) ?? this.#add(key, { session: undefined, sealed: undefined });
      if (entry.session?.closed !== false) {
        entry.session = start(this.#device(), key, bytes);
        this.#open.add(entry);
        this.#closeOldest();
      }
      return work(entry.session);
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * Returns the session of a hash.
   *
   * @throws {Lack} if the device does not have it
   */
  hash(name: HashName): Hash {
    const known = this.#hashes.get(name);
    if (known?.closed === false) return known;
    const hash = orLack(name, () => this.#device().hash(name));
    this.#hashes.set(name, hash);
    return hash;
  }

  /** Closes the sessions, when nothing can use them any more. */
  close(): void {
    for (const entry of this.#open) this.#close(entry);
    for (const hash of this.#hashes.values()) hash.close();
    this.#sealer?.close();
  }

  #add(key: Key, entry: Entry): Entry {
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

/**
 * Checks that a key may be used.
 *
 * @throws {Doubt} if it is not made for the algorithm and the usage
 * @throws {Lack} if the device cannot use such keys
 */
export function requireUsage(key: Key, name: string, usage: string): void {
  const { algorithm, usages } = partsOf(key);
  if (algorithm.name !== name || !usages.includes(usage)) {
    throw new Doubt(`this is not a key for ${usage} with ${name}`);
  }
  requireSupported(key);
}

/**
 * Checks that the device supports a key's algorithm.
 *
 * @throws {Doubt} if it is not a key
 * @throws {Lack} if the device cannot use such keys
 */
export function requireSupported(key: unknown): asserts key is Key {
  if (!isKey(key)) throw new Doubt("this is not a key");
  const lack = lackOf(partsOf(key).algorithm);
  if (lack !== undefined) throw new Lack(lack);
}

/**
 * Returns the bytes of a key, which the caller wipes.
 *
 * @throws {Lack} if the key is not extractable
 */
export async function exported(key: Key): Promise<Uint8Array<ArrayBuffer>> {
  if (key.extractable) return new Uint8Array((await native.exportKey("raw", key)) as ArrayBuffer);
  throw new Lack(
    "the device cannot get a key that is not extractable and that another subtle made, or that was cloned: import or generate it with this one",
  );
}

function start(device: Device, key: Key, bytes: Uint8Array<ArrayBuffer>): KeySession {
  const { algorithm } = partsOf(key);
  if (algorithm.name === "AES-CBC") return orLack("AES-CBC", () => device.cipher("aes-cbc", bytes));
  if (algorithm.name === "AES-CTR") return orLack("AES-CTR", () => device.cipher("aes-ctr", bytes));
  if (algorithm.name === "AES-GCM") {
    // In a 32-bit process on a 64-bit kernel, the session starts, but its operations fail.
    if (!device.answers(CIOCAUTHCRYPT)) throw new Lack("the device does not support AES-GCM for a 32-bit process");
    return orLack("AES-GCM", () => device.aead("aes-gcm", bytes));
  }
  const hash = hashOf(algorithm.hash?.name);
  if (hash === undefined) throw new Lack(`the device does not support HMAC with ${algorithm.hash?.name}`);
  return orLack(`HMAC with ${algorithm.hash?.name}`, () => {
    if (bytes.length <= CRYPTO_HMAC_MAX_KEY_LEN) return device.hmac(hash, bytes);
    // A longer key is hashed first (RFC 2104).
    const hasher = device.hash(hash);
    const digest = hasher.digest(bytes);
    try {
      return device.hmac(hash, digest);
    } finally {
      hasher.close();
      digest.fill(0);
    }
  });
}

/** @throws {Lack} if the device does not have the algorithm */
function orLack<S>(name: string, start: () => S): S {
  try {
    return start();
  } catch (error) {
    if (isMissing(error)) throw new Lack(`the device does not support ${name}`, { cause: error });
    throw error;
  }
}
