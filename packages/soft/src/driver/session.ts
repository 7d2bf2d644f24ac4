import { type CipherAlgorithm, hasSize } from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import type { AeadCipher } from "../crypto/aead.ts";
import type { KeyedCipher } from "../crypto/cipher.ts";
import type { HashState, KeyedHash } from "../crypto/hash.ts";
import { Errno } from "../errno.ts";
import type { CipherDriver, MacDriver } from "./algorithms.ts";
import type { Pace } from "./slices.ts";
import { UsageCounter } from "./usage.ts";

function requireKeySize(key: Uint8Array, { algorithm: { name, keySizes } }: CipherDriver): void {
  if (!hasSize(keySizes, key.length)) throw new Errno("EINVAL", `${name} does not accept a key of ${key.length} bytes`);
}

/** The cipher of a session: its key, and the iv that one operation leaves for the next. */
export class SessionCipher {
  readonly driver: CipherDriver;
  readonly blockSize: number;
  /** The iv that the next operation continues from; zeros in a fresh session. */
  readonly iv: Uint8Array;
  readonly key: Uint8Array;
  readonly #keyed: KeyedCipher;

  /** @throws {Errno} with `EINVAL` if the cipher does not accept a key of this size */
  constructor(driver: CipherDriver & { key: object }, key: Uint8Array) {
    requireKeySize(key, driver);
    this.driver = driver;
    this.blockSize = driver.algorithm.blockSize;
    this.iv = new Uint8Array(driver.algorithm.ivSize);
    this.key = key;
    this.#keyed = driver.key(key);
  }

  /** Whether the driver treats it as a stream cipher, which SRTP requires. */
  get isStream(): boolean {
    return this.driver.algorithm.name === "aes-ctr" || this.driver.algorithm.name === "null";
  }

  /**
   * Returns how many of these bytes the kernel decrypts if nothing refuses data that is not whole blocks, as CIOCCRYPT
   * does: it stops at the partial block. XTS uses ciphertext stealing for that block (IEEE 1619-2018, section 5.3.2).
   */
  reach(size: number): number {
    if (this.driver.algorithm.name === "aes-xts" && size >= this.blockSize) return size;
    return size - (size % this.blockSize);
  }

  /** @param isContinued - whether the data continues that of the previous call */
  crypt(decrypt: boolean, data: Uint8Array, isContinued = false): Uint8Array {
    return this.#keyed.crypt(decrypt, data, this.iv, isContinued);
  }

  wipe(): void {
    this.#keyed.wipe();
    this.key.fill(0);
  }
}

/** The AEAD of a session: its key, the iv of the last operation, and the tag size, which can only shrink. */
export class SessionAead {
  readonly driver: CipherDriver;
  readonly iv: Uint8Array;
  readonly keyed: AeadCipher;
  readonly #key: Uint8Array;
  #tagSize = 16;

  /** @throws {Errno} with `EINVAL` if the cipher does not accept a key of this size */
  constructor(driver: CipherDriver & { aead: object }, key: Uint8Array) {
    requireKeySize(key, driver);
    this.driver = driver;
    this.iv = new Uint8Array(driver.algorithm.ivSize);
    this.#key = key;
    this.keyed = driver.aead(key);
  }

  get tagSize(): number {
    return this.#tagSize;
  }

  /**
   * Sets the tag size that an operation requests.
   *
   * @throws {Errno} with `EINVAL` if it is larger than the session's
   * @throws {Crash} if the algorithm does not have this tag size
   */
  setTagSize(size: number): void {
    if (size > this.#tagSize) throw new Errno("EINVAL", `tag_len ${size} is more than the session's ${this.#tagSize}`);
    if (!this.driver.algorithm.tagSizes?.includes(size)) throw new Crash("tag-size");
    this.#tagSize = size;
  }

  wipe(): void {
    this.keyed.wipe();
    this.#key.fill(0);
  }
}

/** The message of a state that was continued after its digest. */
const wornOut = new Uint8Array(1);

/** The mac of a session: its key, and the message so far. */
export class SessionMac {
  readonly driver: MacDriver;
  readonly key: Uint8Array;
  readonly #keyed: KeyedHash;
  #state: HashState;
  /** Whether the digest was returned, so that the next piece continues a finished state. */
  #isFinished = false;
  #isMeaningless = false;

  constructor(driver: MacDriver, key: Uint8Array) {
    this.driver = driver;
    this.key = key;
    this.#keyed = driver.key(key);
    this.#state = this.#keyed.start();
  }

  get digestSize(): number {
    return this.driver.algorithm.digestSize;
  }

  /** Whether a state was continued after its digest: digests are meaningless until the next reset. */
  get isMeaningless(): boolean {
    return this.#isMeaningless;
  }

  reset(): void {
    this.#state = this.#keyed.start();
    this.#isFinished = false;
    this.#isMeaningless = false;
  }

  update(data: Uint8Array): void {
    this.#continue();
    this.#state.update(data);
  }

  digest(): Uint8Array {
    this.#continue();
    this.#isFinished = true;
    return this.#state.digest();
  }

  /** Ends the message, whose digest is already known. */
  end(): void {
    this.#isFinished = true;
  }

  /**
   * Continues a finished state, as the driver does if nothing resets it. The state then depends on the kernel's
   * implementation. Here, the digest is only made sure to be wrong, so that no program can rely on it.
   */
  #continue(): void {
    if (!this.#isFinished) return;
    this.reset();
    this.#state.update(wornOut);
    this.#isMeaningless = true;
  }

  /** Copies the state of another mac, even if that is meaningless. */
  copyFrom(other: SessionMac): void {
    this.reset();
    this.#isFinished = other.#isFinished;
    this.#isMeaningless = other.#isMeaningless;
    if (!other.#isFinished) this.#state.copyFrom(other.#state);
  }

  wipe(): void {
    this.#keyed.wipe();
    this.#state = this.#keyed.start();
    this.key.fill(0);
  }
}

/** A session that CIOCGSESSION started. */
export class DriverSession {
  readonly cipher: SessionCipher | undefined;
  readonly aead: SessionAead | undefined;
  readonly mac: SessionMac | undefined;
  readonly usage: UsageCounter = new UsageCounter();
  /** The pace at which operations work that may pause. */
  pace: Pace | undefined;

  constructor(cipher: SessionCipher | SessionAead | undefined, mac: SessionMac | undefined) {
    this.cipher = cipher instanceof SessionCipher ? cipher : undefined;
    this.aead = cipher instanceof SessionAead ? cipher : undefined;
    this.mac = mac;
  }

  /** The algorithm of its cipher, of whatever kind. */
  get cipherAlgorithm(): CipherAlgorithm | undefined {
    return (this.cipher ?? this.aead)?.driver.algorithm;
  }

  /**
   * Processes a piece of data, which is hashed before it is encrypted, or after it is decrypted.
   *
   * @param isContinued - whether it continues the previous piece
   * @returns the result; `undefined` if there is no cipher
   */
  process(decrypt: boolean, piece: Uint8Array, isContinued: boolean): Uint8Array | undefined {
    const { cipher, mac } = this;
    if (cipher === undefined) {
      mac?.update(piece);
      return undefined;
    }
    if (!decrypt) mac?.update(piece);
    const result = cipher.crypt(decrypt, piece, isContinued);
    if (decrypt) mac?.update(result);
    return result;
  }

  /** Wipes the keys. */
  wipe(): void {
    this.cipher?.wipe();
    this.aead?.wipe();
    this.mac?.wipe();
  }
}
