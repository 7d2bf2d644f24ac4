import { type Aead, type Cipher, type CipherChunks, CryptodevError, type Session } from "@cryptodev/core";
import { cannotAdd, cannotAuthenticate, invalidAuthTag, invalidState, missingArgs } from "./errors.ts";
import type { AuthenticatedWork } from "./work.ts";

/** The most bytes that the driver authenticates beside the message. */
const LONGEST_AAD = 4096;

function joined(parts: readonly Uint8Array[], room: number = 0): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(new ArrayBuffer(size + room));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

/** What GCM and CCM share: what they are given before the data, and the one operation over all of it. */
abstract class AeadWork implements AuthenticatedWork {
  abstract readonly sessions: readonly Session[];
  readonly #session: Aead;
  protected readonly decrypt: boolean;
  protected readonly aad: Uint8Array[] = [];
  readonly #nonce: Uint8Array;
  #tag: Uint8Array | undefined;

  constructor(session: Aead, decrypt: boolean, nonce: Uint8Array) {
    this.#session = session;
    this.decrypt = decrypt;
    this.#nonce = nonce;
  }

  abstract update(data: Uint8Array): Uint8Array;
  abstract final(): Uint8Array;
  /** Whether the data has begun. */
  protected abstract readonly hasBegun: boolean;

  get tag(): Uint8Array | undefined {
    return this.#tag;
  }

  setAutoPadding(): void {}

  setAAD(aad: Uint8Array, _plaintextLength: number | undefined): void {
    if (this.hasBegun) throw invalidState("setAAD");
    const size = this.aad.reduce((sum, part) => sum + part.length, aad.length);
    if (size > LONGEST_AAD) {
      throw new RangeError(`aad for ${this.#session.name}: expected at most ${LONGEST_AAD} bytes, got ${size}`);
    }
    this.aad.push(new Uint8Array(aad));
  }

  setAuthTag(tag: Uint8Array): void {
    if (this.#tag !== undefined) throw invalidState("setAuthTag");
    if (tag.length !== this.#session.tagSize) {
      throw invalidAuthTag(`Invalid authentication tag length: ${tag.length}`);
    }
    this.#tag = new Uint8Array(tag);
  }

  /** The whole message at once. It is copied, and worked on in the copy. */
  protected run(parts: readonly Uint8Array[]): Uint8Array {
    if (this.decrypt && this.#tag === undefined) throw cannotAuthenticate();
    const session = this.#session;
    const aad = joined(this.aad);
    if (!this.decrypt) {
      const sealed = joined(parts, session.tagSize);
      const end = sealed.length - session.tagSize;
      session.sealInto(sealed.subarray(0, end), sealed, this.#nonce, aad);
      this.#tag = sealed.slice(end);
      return sealed.subarray(0, end);
    }
    const sealed = joined([...parts, this.#tag as Uint8Array]);
    try {
      return sealed.subarray(0, session.openInto(sealed, sealed, this.#nonce, aad));
    } catch (error) {
      if (error instanceof CryptodevError && error.code === "EBADMSG") throw cannotAuthenticate(error);
      throw error;
    }
  }
}

/**
 * GCM. The kernel takes a message at once, while programs expect each piece to be answered with as many bytes. Those come
 * from the cipher inside, which is AES in counter mode (NIST SP 800-38D, section 7.1); pieces are kept, and at the end GCM
 * itself works on all of them, for the tag.
 */
export class GcmWork extends AeadWork {
  readonly sessions: readonly Session[];
  readonly #chunks: CipherChunks;
  readonly #parts: Uint8Array[] = [];

  constructor(session: Aead, counter: Cipher, decrypt: boolean, nonce: Uint8Array) {
    super(session, decrypt, nonce);
    this.sessions = [session, counter];
    const first = new Uint8Array(16);
    first.set(nonce);
    // Block 1 hides the tag.
    first[15] = 2;
    this.#chunks = counter.encryptor(first, { eager: true });
  }

  protected get hasBegun(): boolean {
    return this.#parts.length > 0;
  }

  update(data: Uint8Array): Uint8Array {
    this.#parts.push(new Uint8Array(data));
    return this.#chunks.update(data);
  }

  final(): Uint8Array {
    try {
      this.run(this.#parts).fill(0);
      return new Uint8Array(0);
    } finally {
      for (const part of this.#parts) part.fill(0);
      this.#parts.length = 0;
    }
  }
}

/** CCM. In node:crypto too its message comes in one piece. */
export class CcmWork extends AeadWork {
  readonly sessions: readonly Session[];
  protected hasBegun = false;
  #plaintextLength: number | undefined;
  #failure: unknown;

  constructor(session: Aead, decrypt: boolean, nonce: Uint8Array) {
    super(session, decrypt, nonce);
    this.sessions = [session];
  }

  override setAAD(aad: Uint8Array, plaintextLength: number | undefined): void {
    if (plaintextLength === undefined) throw missingArgs("options.plaintextLength required for CCM mode with AAD");
    super.setAAD(aad, plaintextLength);
    this.#plaintextLength = plaintextLength;
  }

  override setAuthTag(tag: Uint8Array): void {
    if (this.hasBegun) throw invalidState("setAuthTag");
    super.setAuthTag(tag);
  }

  update(data: Uint8Array): Uint8Array {
    const isExpected = this.#plaintextLength === undefined || this.#plaintextLength === data.length;
    if (this.hasBegun || !isExpected || (this.decrypt && this.tag === undefined)) throw cannotAdd();
    this.hasBegun = true;
    try {
      return this.run([data]);
    } catch (error) {
      // Node.js tells at the end.
      this.#failure = error;
      return new Uint8Array(0);
    }
  }

  final(): Uint8Array {
    if (!this.hasBegun) this.update(new Uint8Array(0));
    if (this.#failure !== undefined) throw this.#failure;
    return new Uint8Array(0);
  }
}
