import { timingSafeEqual } from "node:crypto";
import { type Aead, AuthenticationError, type Cipher, type CipherChunks } from "@cryptodev/core";
import { MAX_AAD, partOf } from "@cryptodev/core/host";
import {
  beyondDevice,
  cannotAdd,
  cannotAuthenticate,
  invalidAuthTag,
  invalidMessageLength,
  invalidState,
  missingArgs,
} from "./errors.ts";
import { lacking } from "./lacks.ts";
import { copyOf } from "./values.ts";
import type { AuthenticatedWork } from "./work.ts";

/**
 * The most bytes of a message that comes in chunks. The driver's array holds 131,072 pages of at least 4 KiB for source
 * and destination together. Two pages of each are reserved for the tag and for data that does not start on a page.
 */
const MAX_MESSAGE = 2 ** 28 - 2 ** 14;

/** Collects chunks in one buffer with room for a tag at its end. */
class Gathered {
  #memory = new Uint8Array(0);
  size = 0;

  /** Adds the first `size` bytes of data, with `room` for more after them. */
  add(data: Uint8Array, size: number, room: number): void {
    const needed = this.size + size + room;
    if (needed > this.#memory.length) {
      // Four times the size: unwritten memory is not resident, but each old copy is until it is garbage-collected.
      const larger = new Uint8Array(this.size === 0 ? needed : Math.max(needed, 4 * this.#memory.length));
      larger.set(this.bytes);
      this.#memory.fill(0);
      this.#memory = larger;
    }
    this.#memory.set(partOf(data, 0, size), this.size);
    this.size += size;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(0, this.size);
  }

  /**
   * Hands over the buffer, and starts again with an empty one.
   *
   * @returns the bytes, followed by `room` more
   */
  take(room: number): Uint8Array<ArrayBuffer> {
    this.add(this.#memory, 0, room);
    const taken = this.#memory.subarray(0, this.size + room);
    this.#memory = new Uint8Array(0);
    this.size = 0;
    return taken;
  }

  /** Wipes and drops everything after the first `size` bytes. */
  cut(size: number): void {
    this.#memory.fill(0, size);
    this.size = size;
  }
}

/** Parameters of an authenticated cipher. */
export interface AeadTraits {
  readonly decrypt: boolean;
  readonly nonce: Uint8Array;
  /** Whether a cipher of node:crypto can take over if the device reaches a limit. */
  readonly canMove: boolean;
}

/** The common part of GCM and CCM: aad, tag, and one operation on the whole message. */
abstract class AeadWork implements AuthenticatedWork {
  protected readonly session: Aead;
  protected readonly decrypt: boolean;
  protected readonly nonce: Uint8Array;
  readonly #aad = new Gathered();
  protected readonly message: Gathered = new Gathered();
  readonly #canMove: boolean;
  #plaintextLength: number | undefined;
  #tag: Uint8Array | undefined;

  constructor(session: Aead, { decrypt, nonce, canMove }: AeadTraits) {
    this.session = session;
    this.decrypt = decrypt;
    this.nonce = nonce;
    this.#canMove = canMove;
  }

  abstract update(data: Uint8Array, size: number): Uint8Array;
  abstract final(): Uint8Array;
  /** Whether data was added. */
  protected abstract readonly hasBegun: boolean;
  /** Whether a tag may have this size. */
  protected abstract readonly isTagSize: (size: number) => boolean;

  get tag(): Uint8Array | undefined {
    return this.#tag;
  }

  setAutoPadding(): void {}

  setAAD(aad: Uint8Array, plaintextLength: number | undefined): void {
    // An empty aad is accepted at any time.
    if (this.hasBegun && aad.length > 0) throw invalidState("setAAD");
    if (!this.#canMove) this.#checkAadSize(this.#aad.size + aad.length);
    this.#aad.add(aad, aad.length, 0);
    this.#plaintextLength = plaintextLength;
  }

  setAuthTag(tag: Uint8Array): void {
    if (this.#tag !== undefined) throw invalidState("setAuthTag");
    if (!this.isTagSize(tag.length)) throw invalidAuthTag(`Invalid authentication tag length: ${tag.length}`);
    this.#tag = new Uint8Array(tag);
  }

  moveTo(other: AuthenticatedWork): void {
    if (this.#tag !== undefined) other.setAuthTag(this.#tag);
    if (this.#aad.size > 0) other.setAAD(this.#aad.bytes, this.#plaintextLength);
    if (this.message.size > 0) other.update(this.message.bytes, this.message.size).fill(0);
  }

  close(): void {
    this.message.cut(0);
    this.session.close();
  }

  /** Checks the size of the complete aad. Called when the first data is added, because aad can be added until then. */
  protected checkAad(): void {
    this.#checkAadSize(this.#aad.size);
  }

  #checkAadSize(size: number): void {
    if (size <= MAX_AAD) return;
    const { name } = this.session;
    throw lacking(beyondDevice(`aad for ${name}: expected at most ${MAX_AAD} bytes, got ${size}`));
  }

  /** The size of the plaintext in bytes, if it was announced with the aad. */
  protected get plaintextLength(): number | undefined {
    return this.#plaintextLength;
  }

  /** Encrypts a message in place. `sealed` ends with room for the tag. */
  protected seal(sealed: Uint8Array): { readonly ciphertext: Uint8Array; readonly tag: Uint8Array } {
    const ciphertext = sealed.subarray(0, sealed.length - this.session.tagSize);
    this.session.sealInto(ciphertext, sealed, { nonce: this.nonce, aad: this.#aad.bytes });
    return { ciphertext, tag: sealed.slice(ciphertext.length) };
  }

  /**
   * Encrypts a message in place, and keeps the tag for {@link AeadWork.tag}.
   *
   * @returns the ciphertext
   */
  protected sealWithTag(sealed: Uint8Array): Uint8Array {
    const { ciphertext, tag } = this.seal(sealed);
    this.#tag = tag;
    return ciphertext;
  }

  /**
   * Verifies and decrypts a message in place. `sealed` ends with room for the tag.
   *
   * @returns the plaintext
   * @throws {Error} like node:crypto's, with the device's error as its cause, if verification fails
   */
  protected open(sealed: Uint8Array, tag: Uint8Array): Uint8Array {
    sealed.set(tag, sealed.length - tag.length);
    try {
      return sealed.subarray(0, this.session.openInto(sealed, sealed, { nonce: this.nonce, aad: this.#aad.bytes }));
    } catch (error) {
      throw isForgery(error) ? cannotAuthenticate(error) : error;
    }
  }
}

function isForgery(error: unknown): boolean {
  return error instanceof AuthenticationError;
}

/**
 * GCM. The kernel accepts a message only as a whole, but programs expect each `update()` to return as many bytes as it
 * gets. Therefore `update()` uses the cipher inside GCM, which is AES in counter mode (NIST SP 800-38D, section 7.1),
 * and keeps the chunks; `final()` runs GCM itself over all of them, for the tag.
 */
export class GcmWork extends AeadWork {
  readonly #counter: Cipher;
  readonly #chunks: CipherChunks;
  protected readonly isTagSize: (size: number) => boolean;

  constructor(session: Aead, counter: Cipher, traits: AeadTraits, isTagSize: (size: number) => boolean) {
    super(session, traits);
    this.#counter = counter;
    this.#chunks = this.#begin();
    this.isTagSize = isTagSize;
  }

  protected get hasBegun(): boolean {
    return this.message.size > 0;
  }

  update(data: Uint8Array, size: number): Uint8Array {
    if (!this.hasBegun) this.checkAad();
    const start = this.message.size;
    if (start + size > MAX_MESSAGE) {
      const expected = `at most ${MAX_MESSAGE} bytes in all chunks together, got ${start + size}`;
      throw lacking(beyondDevice(`data for ${this.session.name}: expected ${expected}`));
    }
    this.message.add(data, size, this.session.tagSize);
    try {
      // Encrypt the copy: another thread may change the data, and the tag has to match the result.
      return this.#chunks.update(this.message.bytes.subarray(start));
    } catch (error) {
      this.message.cut(start);
      throw error;
    }
  }

  final(): Uint8Array {
    if (!this.hasBegun) this.checkAad();
    if (this.decrypt && this.tag === undefined) throw cannotAuthenticate();
    const sealed = this.message.take(this.session.tagSize);
    try {
      if (!this.decrypt) this.sealWithTag(sealed);
      else this.#authenticate(sealed, this.tag as Uint8Array);
      return new Uint8Array(0);
    } finally {
      sealed.fill(0);
    }
  }

  override close(): void {
    super.close();
    this.#counter.close();
  }

  #authenticate(sealed: Uint8Array, tag: Uint8Array): void {
    if (tag.length === this.session.tagSize) {
      this.open(sealed, tag);
      return;
    }
    // The kernel cannot verify a truncated tag. Decrypt, encrypt again, and compare with the start of the whole tag.
    const message = sealed.subarray(0, sealed.length - this.session.tagSize);
    const plaintext = this.#begin().update(message);
    message.set(plaintext);
    plaintext.fill(0);
    if (!timingSafeEqual(this.seal(sealed).tag.subarray(0, tag.length), tag)) throw cannotAuthenticate();
  }

  #begin(): CipherChunks {
    const first = new Uint8Array(16);
    first.set(this.nonce);
    // Counter block 1 encrypts the tag; the data starts with 2.
    first[15] = 2;
    return this.#counter.encryptor(first, { eager: true });
  }
}

/** CCM. node:crypto also accepts its message only as a whole. */
export class CcmWork extends AeadWork {
  protected hasBegun = false;
  readonly #longest: number;
  #failure: unknown;

  constructor(session: Aead, traits: AeadTraits) {
    super(session, traits);
    // The nonce and the message length share 15 bytes of the first block (RFC 3610, section 2).
    this.#longest = Math.min(2 ** (8 * (15 - traits.nonce.length)), 2 ** 31) - 1;
  }

  protected readonly isTagSize: (size: number) => boolean = (size) => size === this.session.tagSize;

  override setAAD(aad: Uint8Array, plaintextLength: number | undefined): void {
    if (plaintextLength === undefined) throw missingArgs("options.plaintextLength required for CCM mode with AAD");
    if (plaintextLength > this.#longest) throw invalidMessageLength();
    super.setAAD(aad, plaintextLength);
  }

  update(data: Uint8Array, size: number): Uint8Array {
    if (size > this.#longest) throw invalidMessageLength();
    // An empty message is processed by final(), because more data may follow.
    return size === 0 ? new Uint8Array(0) : this.#work(data, size);
  }

  #work(data: Uint8Array, size: number): Uint8Array {
    const isExpected = this.plaintextLength === undefined || this.plaintextLength === size;
    const isBad = this.hasBegun || !isExpected;
    if (isBad && !this.decrypt) throw cannotAdd();
    // Node.js reports a message that cannot be authentic only in final().
    if (isBad || (this.decrypt && this.tag === undefined)) this.#failure ??= cannotAuthenticate();
    if (this.#failure !== undefined) return new Uint8Array(0);
    this.checkAad();
    this.hasBegun = true;
    this.message.add(data, size, this.session.tagSize);
    const sealed = this.message.take(this.session.tagSize);
    try {
      // A copy, because the result must not have the tag behind it in its memory.
      return copyOf(this.decrypt ? this.open(sealed, this.tag as Uint8Array) : this.sealWithTag(sealed));
    } catch (error) {
      this.#failure = error;
      if (!isForgery((error as Error).cause)) throw error;
      return new Uint8Array(0);
    } finally {
      sealed.fill(0);
    }
  }

  final(): Uint8Array {
    if (!this.hasBegun) this.#work(new Uint8Array(0), 0);
    if (this.#failure !== undefined) throw this.#failure;
    return new Uint8Array(0);
  }
}
