import type { SizeRange } from "../abi/ciphers.ts";
import { COP_DECRYPT, COP_ENCRYPT } from "../abi/constants.ts";
import type { AeadName, NamedCipher } from "../algorithms/catalogue.ts";
import {
  checkAad,
  checkDestination,
  checkKey,
  checkOneCall,
  checkRoom,
  checkSizes,
  checkTagSize,
  refuseOverlap,
} from "../checks.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import { KernelSession } from "../kernel/kernel_session.ts";
import { AuthOperation } from "../kernel/operation.ts";
import { byteLengthOf, copyInto, overlap, partOf } from "../memory/bytes.ts";
import { option, own } from "../options.ts";
import { inWords } from "../words.ts";
import { NONCE_SIZE, RandomNonces } from "./random_nonces.ts";
import { Session } from "./session.ts";

/** Options of {@link Device.aead}. */
export interface AeadOptions {
  /**
   * Bytes in a tag, for the whole session: 4, 8 or 12 to 16 for GCM, an even number from 4 to 16 for CCM. Defaults to
   * 16. A short tag is easier to forge (NIST SP 800-38D, appendix C).
   */
  readonly tagSize?: number | undefined;
  /**
   * Whether the session generates the nonces: 12 random bytes for each message, which precede the ciphertext. Defaults
   * to `false`: the caller passes a nonce with each message.
   */
  readonly managedNonce?: boolean | undefined;
}

/** The nonce and the associated data of a message. */
export interface AeadMessage {
  /**
   * 12 bytes for GCM, 7 to 13 for CCM; omitted if the session manages nonces. Use each nonce only once with a key: a
   * second message with the same nonce reveals both.
   */
  readonly nonce?: Uint8Array | undefined;
  /** At most 4096 bytes that are authenticated but not encrypted. Defaults to none. */
  readonly aad?: Uint8Array | undefined;
}

/** A sealed message whose tag is separate. */
export interface DetachedMessage {
  /** As many bytes as the plaintext has. */
  readonly ciphertext: Uint8Array<ArrayBuffer>;
  /** {@link Aead.tagSize} bytes. */
  readonly tag: Uint8Array<ArrayBuffer>;
}

/** A nonce of CCM leaves 2 to 8 bytes of the block for the message length (NIST SP 800-38C, section A.1). */
const CCM_NONCE: SizeRange = Object.freeze({ min: 7, max: 13 });
const GCM_NONCE: SizeRange = Object.freeze({ min: 12, max: 12 });
const MANAGED_NONCE: SizeRange = Object.freeze({ min: NONCE_SIZE, max: NONCE_SIZE });

/** The sizes of nonces that an AEAD accepts. */
export function nonceSizesOf(name: string): SizeRange {
  return name.endsWith("ccm") ? CCM_NONCE : GCM_NONCE;
}

/**
 * A session that encrypts and authenticates: AES-GCM or AES-CCM. {@link Device.aead} starts it.
 *
 * A sealed message is the ciphertext followed by the tag; if the session manages nonces, the nonce precedes it.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const gcm = device.aead("aes-256-gcm", crypto.getRandomValues(new Uint8Array(32)), { managedNonce: true });
 * const aad = new TextEncoder().encode("header");
 * const sealed = gcm.seal(new TextEncoder().encode("message"), { aad });
 * console.log(new TextDecoder().decode(gcm.open(sealed, { aad }))); // message
 * device.close();
 * ```
 */
export class Aead extends Session {
  readonly #name: AeadName;
  readonly #tagSize: number;
  readonly #isCcm: boolean;
  readonly #nonces: RandomNonces | undefined;
  /** Bytes before the ciphertext: a managed nonce, or none. */
  readonly #prefix: number;
  readonly #overhead: number;
  readonly #kernel: KernelSession;
  readonly #operation: AuthOperation;
  /** The iv of CCM, which contains the nonce. The iv of GCM is the nonce. */
  readonly #block = new Uint8Array(new ArrayBuffer(16));

  private constructor(
    kernel: KernelSession,
    { name, algorithm }: NamedCipher<AeadName>,
    tagSize: number,
    managed: boolean,
  ) {
    super(kernel);
    this.#name = name;
    this.#tagSize = tagSize;
    this.#isCcm = algorithm.name === "aes-ccm";
    this.#nonces = managed ? new RandomNonces(name) : undefined;
    this.#prefix = managed ? NONCE_SIZE : 0;
    this.#overhead = this.#prefix + tagSize;
    this.#kernel = kernel;
    this.#operation = new AuthOperation(kernel, { name, ivSize: algorithm.ivSize, macSize: tagSize }, 0);
  }

  /** @internal */
  static start(
    file: DeviceFile,
    cipher: NamedCipher<AeadName>,
    key: Uint8Array,
    options: AeadOptions | undefined,
  ): Aead {
    const { name, algorithm } = cipher;
    const tagSize = option(options, "tagSize", name, 16);
    const managed = option(options, "managedNonce", name, false);
    if (typeof managed !== "boolean") {
      throw new TypeError(`managedNonce for ${name}: expected true or false, got ${inWords(managed)}`);
    }
    checkKey(key, cipher);
    checkTagSize(tagSize, name, algorithm.tagSizes ?? []);
    const parameters = { cipher: algorithm.id, key, mac: 0, macKey: undefined };
    return new Aead(KernelSession.start(file, name, `${algorithm.kernelName}`, parameters), cipher, tagSize, managed);
  }

  /** The cipher's name, as it was requested, in this library's form. */
  get name(): AeadName {
    return this.#name;
  }

  /** Bytes in a tag. */
  get tagSize(): number {
    return this.#tagSize;
  }

  /** The smallest and the largest size of a nonce, in bytes. */
  get nonceSize(): SizeRange {
    return this.#nonces === undefined ? nonceSizesOf(this.#name) : MANAGED_NONCE;
  }

  /** How many bytes longer a sealed message is than its plaintext: the tag, and the nonce if the session manages it. */
  get overhead(): number {
    return this.#overhead;
  }

  /**
   * Encrypts and authenticates into new memory (CIOCAUTHCRYPT).
   *
   * @param plaintext - any number of bytes, at most 256 MiB minus the tag: an AEAD does not work in chunks, and the
   * driver accepts 512 MiB of source and destination together
   * @param message - nonce and aad. With `detached`, ciphertext and tag are returned separately, as two views of one
   * buffer; a session that manages nonces does not support that
   * @returns the ciphertext followed by the tag: {@link Aead.overhead} bytes more than `plaintext`
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the nonce is missing, or is
   * passed although the session manages nonces
   * @throws {RangeError} if an argument has the wrong size; after 2 ** 32 messages with random nonces
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  seal(plaintext: Uint8Array, message: AeadMessage & { readonly detached: true }): DetachedMessage;
  seal(plaintext: Uint8Array, message?: AeadMessage & { readonly detached?: false }): Uint8Array<ArrayBuffer>;
  seal(
    plaintext: Uint8Array,
    message?: AeadMessage & { readonly detached?: boolean },
  ): Uint8Array<ArrayBuffer> | DetachedMessage;
  seal(
    plaintext: Uint8Array,
    message?: AeadMessage & { readonly detached?: boolean },
  ): Uint8Array<ArrayBuffer> | DetachedMessage {
    const nonce = this.#nonceOf(message);
    const aad = own(message, "aad", this.#name);
    const isDetached = option(message, "detached", this.#name, false);
    if (typeof isDetached !== "boolean") {
      throw new TypeError(`detached for ${this.#name}: expected true or false, got ${inWords(isDetached)}`);
    }
    if (isDetached && this.#nonces !== undefined) {
      throw new TypeError(`detached for ${this.#name}: expected false, because the session manages nonces`);
    }
    const size = checkOneCall(plaintext, "source", this.#name, this.#tagSize);
    const sealed = new Uint8Array(size + this.#overhead);
    this.#seal(plaintext, sealed, nonce, aad);
    if (!isDetached) return sealed;
    return { ciphertext: sealed.subarray(0, size), tag: sealed.subarray(size) };
  }

  /**
   * Encrypts and authenticates into existing memory.
   *
   * @param destination - room for `plaintext` and {@link Aead.overhead} bytes: either separate memory, or memory in
   * which `plaintext` is where the ciphertext will be, to work in place
   * @returns the number of bytes written
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the nonce is missing, or is
   * passed although the session manages nonces
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps the
   * plaintext; after 2 ** 32 messages with random nonces
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  sealInto(plaintext: Uint8Array, destination: Uint8Array, message?: AeadMessage): number {
    const nonce = this.#nonceOf(message);
    const aad = own(message, "aad", this.#name);
    return this.#seal(plaintext, destination, nonce, aad);
  }

  /**
   * Verifies and decrypts into new memory.
   *
   * @param sealed - the ciphertext followed by the tag, as {@link Aead.seal} returns it
   * @param message - nonce and aad. If `tag` is passed, `sealed` is only the ciphertext
   * @returns the plaintext
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the nonce is missing, or is
   * passed although the session manages nonces
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if the message, its tag, aad or nonce was changed; the plaintext is wiped
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  open(sealed: Uint8Array, message?: AeadMessage & { readonly tag?: Uint8Array | undefined }): Uint8Array<ArrayBuffer> {
    const nonce = this.#nonceOf(message);
    const aad = own(message, "aad", this.#name);
    const tag = own(message, "tag", this.#name);
    if (tag === undefined) {
      const plaintext = new Uint8Array(this.#checkSealed(sealed, -this.#prefix));
      return plaintext.subarray(0, this.#open(sealed, plaintext, nonce, aad));
    }
    if (this.#nonces !== undefined) {
      throw new TypeError(`tag for ${this.#name}: expected none, because the session manages nonces`);
    }
    const size = checkOneCall(sealed, "source", this.#name);
    const tagSize = checkSizes(tag, [this.#tagSize], "tag", this.#name);
    const joined = new Uint8Array(size + tagSize);
    copyInto(joined, partOf(sealed, 0, size));
    joined.set(partOf(tag, 0, tagSize), size);
    return joined.subarray(0, this.#open(joined, joined, nonce, aad));
  }

  /**
   * Verifies and decrypts into existing memory.
   *
   * @param destination - as many bytes as `sealed` has after the nonce, although the plaintext is shorter: the driver
   * also writes to the tag's room. Either it starts where the ciphertext does, or it is separate memory. It is wiped if
   * verification fails
   * @returns the size of the plaintext in bytes
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the nonce is missing, or is
   * passed although the session manages nonces
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps `sealed`
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if the message, its tag, aad or nonce was changed
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  openInto(sealed: Uint8Array, destination: Uint8Array, message?: AeadMessage): number {
    const nonce = this.#nonceOf(message);
    const aad = own(message, "aad", this.#name);
    return this.#open(sealed, destination, nonce, aad);
  }

  /** @returns the size of the sealed message, without its nonce */
  #checkSealed(sealed: Uint8Array, written?: number): number {
    const size = checkOneCall(sealed, "source", this.#name, written);
    if (size < this.#overhead) {
      const parts = this.#prefix > 0 ? `${this.#overhead} bytes of nonce and tag` : `the tag's ${this.#tagSize} bytes`;
      throw new RangeError(`source for ${this.#name}: expected at least ${parts}, got ${size}`);
    }
    return size - this.#prefix;
  }

  /**
   * Reads the nonce of a message. This and {@link own} run getters of the program, so nothing is measured before them.
   *
   * @throws {TypeError} if a nonce is passed although the session manages nonces
   */
  #nonceOf(message: AeadMessage | undefined): Uint8Array | undefined {
    const nonce = own(message, "nonce", this.#name);
    if (nonce === undefined || this.#nonces === undefined) return nonce;
    throw new TypeError(`nonce for ${this.#name}: expected none, because the session manages nonces`);
  }

  /** @returns the number of bytes written */
  #seal(
    plaintext: Uint8Array,
    destination: Uint8Array,
    given: Uint8Array | undefined,
    aad: Uint8Array | undefined,
  ): number {
    if (this.#nonces === undefined) return this.#run(COP_ENCRYPT, plaintext, destination, given, aad);
    this.#kernel.requireOpen();
    const size = checkOneCall(plaintext, "source", this.#name);
    checkRoom(destination, size + this.#overhead, "destination", this.#name);
    const body = partOf(destination, NONCE_SIZE, byteLengthOf(destination));
    checkDestination(body, size + this.#tagSize, plaintext, size, this.#name);
    // The nonce is written, too.
    if (overlap(plaintext, size, destination, NONCE_SIZE)) refuseOverlap(this.#name);
    const nonce = this.#nonces.next();
    const written = this.#run(COP_ENCRYPT, plaintext, body, nonce, aad);
    copyInto(destination, nonce);
    return NONCE_SIZE + written;
  }

  /** @returns the size of the plaintext in bytes */
  #open(
    sealed: Uint8Array,
    destination: Uint8Array,
    given: Uint8Array | undefined,
    aad: Uint8Array | undefined,
  ): number {
    if (this.#nonces === undefined) return this.#run(COP_DECRYPT, sealed, destination, given, aad);
    const size = this.#checkSealed(sealed);
    const nonce = partOf(sealed, 0, NONCE_SIZE);
    return this.#run(COP_DECRYPT, partOf(sealed, NONCE_SIZE, NONCE_SIZE + size), destination, nonce, aad);
  }

  /**
   * Runs an operation.
   *
   * @returns the size of the result in bytes
   */
  #run(
    op: number,
    source: Uint8Array,
    destination: Uint8Array,
    nonce: Uint8Array | undefined,
    aad: Uint8Array | undefined,
  ): number {
    this.#kernel.requireOpen();
    const isSeal = op === COP_ENCRYPT;
    const size = checkOneCall(source, "source", this.#name);
    if (!isSeal && size < this.#tagSize) this.#checkSealed(source);
    const result = isSeal ? size + this.#tagSize : size - this.#tagSize;
    const written = isSeal ? result : size;
    const aadSize = checkAad(aad, "aad", this.#name);
    checkDestination(destination, written, source, size, this.#name);
    const iv = this.#ivOf(nonce, isSeal ? size : result);
    this.#operation.run(op, source, size, destination, written, iv, aad, aadSize);
    return result;
  }

  /** Checks a nonce, and returns the kernel's iv for it. */
  #ivOf(nonce: Uint8Array | undefined, messageSize: number): Uint8Array {
    if (nonce === undefined) {
      throw new TypeError(`nonce for ${this.#name}: expected a Uint8Array, got none; pass it by name: { nonce }`);
    }
    const size = checkSizes(nonce, this.#isCcm ? CCM_NONCE : GCM_NONCE, "nonce", this.#name);
    if (!this.#isCcm) return nonce;
    const countSize = 15 - size;
    if (messageSize >= 2 ** (8 * countSize)) {
      const most = 2 ** (8 * countSize) - 1;
      throw new RangeError(
        `source for ${this.#name}: expected at most ${most} bytes with a nonce of ${size} bytes, got ${messageSize}`,
      );
    }
    return this.#counterBlock(nonce, size);
  }

  /** Builds the kernel's iv from a nonce of CCM (NIST SP 800-38C, section A.2). */
  #counterBlock(nonce: Uint8Array, size: number): Uint8Array {
    const block = this.#block;
    // The first byte is the size of the message length field, minus one. The field is at the end, and the kernel fills
    // it in.
    block.fill(0);
    block[0] = 14 - size;
    block.set(partOf(nonce, 0, size), 1);
    return block;
  }
}
