import type { SizeRange } from "../abi/ciphers.ts";
import { COP_DECRYPT, COP_ENCRYPT } from "../abi/constants.ts";
import type { NamedCipher } from "../algorithms.ts";
import { checkAad, checkDestination, checkKey, checkOneCall, checkSizes, checkTagSize } from "../checks.ts";
import type { Device } from "../device.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { AuthOperation } from "../kernel/operation.ts";
import { byteLengthOf, copyInto, partOf } from "../memory/bytes.ts";
import { option } from "../options.ts";
import { kernelSessionOf, Session } from "./session.ts";

/** Options of {@link Device.aead}. */
export interface AeadOptions {
  /**
   * Bytes in a tag, for the whole session: 4, 8 or 12 to 16 for GCM, an even number from 4 to 16 for CCM. Defaults to
   * 16. A short tag is easier to forge (NIST SP 800-38D, appendix C).
   */
  readonly tagSize?: number | undefined;
}

/** A nonce of CCM leaves 2 to 8 bytes of the block for the message length (NIST SP 800-38C, section A.1). */
const CCM_NONCE = Object.freeze({ min: 7, max: 13 });
const GCM_NONCE = Object.freeze({ min: 12, max: 12 });

/**
 * A session that encrypts and authenticates: AES-GCM or AES-CCM. {@link Device.aead} starts it.
 *
 * A sealed message is the ciphertext followed by the tag. Use each nonce only once with a key: a second message with
 * the same nonce reveals both messages.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const gcm = device.aead("aes-256-gcm", crypto.getRandomValues(new Uint8Array(32)));
 * const nonce = crypto.getRandomValues(new Uint8Array(12));
 * const aad = new TextEncoder().encode("header");
 * const sealed = gcm.seal(new TextEncoder().encode("message"), nonce, aad);
 * console.log(new TextDecoder().decode(gcm.open(sealed, nonce, aad))); // message
 * device.close();
 * ```
 */
export class Aead extends Session {
  /** The cipher's name, as it was requested. */
  readonly name: string;
  /** Bytes in a tag. */
  readonly tagSize: number;
  /** The smallest and the largest size of a nonce, in bytes. */
  readonly nonceSize: SizeRange;
  /** Checks use these private copies, because a program can redefine the public properties. */
  readonly #name: string;
  readonly #tagSize: number;
  readonly #isCcm: boolean;
  readonly #kernel: KernelSession;
  readonly #operation: AuthOperation;
  /** The iv of CCM, which contains the nonce. The iv of GCM is the nonce. */
  readonly #block = new Uint8Array(new ArrayBuffer(16));

  /** @internal */
  constructor(
    device: Device,
    file: DeviceFile,
    cipher: NamedCipher,
    key: Uint8Array,
    options: AeadOptions | undefined,
  ) {
    const { name, algorithm } = cipher;
    const tagSize = option(options, "tagSize", name, 16);
    checkKey(key, cipher);
    checkTagSize(tagSize, name, algorithm.tagSizes ?? []);
    super(device, file, name, `${algorithm.kernelName}`, { cipher: algorithm.id, key, mac: 0, mackey: undefined });
    this.name = name;
    this.tagSize = tagSize;
    this.#name = name;
    this.#tagSize = tagSize;
    this.#isCcm = algorithm.name === "aes-ccm";
    this.nonceSize = this.#isCcm ? CCM_NONCE : GCM_NONCE;
    this.#kernel = kernelSessionOf(this);
    this.#operation = new AuthOperation(this.#kernel, { name, ivSize: algorithm.ivSize, macSize: tagSize }, 0);
  }

  /**
   * Encrypts and authenticates into new memory (CIOCAUTHCRYPT).
   *
   * @param source - any number of bytes, at most 256 MiB minus the tag: an AEAD does not work in chunks, and the driver
   * accepts 512 MiB of source and destination together
   * @param nonce - 12 bytes for GCM, 7 to 13 for CCM
   * @param aad - at most 4096 bytes that are authenticated but not encrypted
   * @returns the ciphertext followed by the tag: {@link Aead.tagSize} bytes more than `source`
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  seal(source: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkOneCall(source, "source", this.#name, this.#tagSize);
    const sealed = new Uint8Array(size + this.#tagSize);
    this.#run(COP_ENCRYPT, source, sealed, nonce, aad);
    return sealed;
  }

  /**
   * Encrypts and authenticates into existing memory.
   *
   * @param destination - room for `source` and the tag: either memory that starts with `source`, to work in place, or
   * separate memory
   * @returns the number of bytes written
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps the
   * source
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  sealInto(source: Uint8Array, destination: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): number {
    return this.#run(COP_ENCRYPT, source, destination, nonce, aad);
  }

  /**
   * Verifies and decrypts into new memory.
   *
   * @param sealed - the ciphertext followed by the tag
   * @returns the plaintext
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if the message, its aad or its nonce was changed; the plaintext is wiped
   */
  open(sealed: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): Uint8Array<ArrayBuffer> {
    const plaintext = new Uint8Array(this.#checkSealed(sealed, 0));
    return plaintext.subarray(0, this.#run(COP_DECRYPT, sealed, plaintext, nonce, aad));
  }

  /**
   * Verifies and decrypts into existing memory.
   *
   * @param destination - as many bytes as `sealed` has, although the plaintext is shorter: the driver also writes to
   * the tag's room. Either it starts where `sealed` does, or it is separate memory. It is wiped if verification fails
   * @returns the size of the plaintext in bytes
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps `sealed`
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if the message, its aad or its nonce was changed
   */
  openInto(sealed: Uint8Array, destination: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): number {
    return this.#run(COP_DECRYPT, sealed, destination, nonce, aad);
  }

  /**
   * Encrypts and authenticates, and returns ciphertext and tag separately. Otherwise like {@link Aead.seal}.
   *
   * @returns two views of one new buffer
   */
  encrypt(
    source: Uint8Array,
    nonce: Uint8Array,
    aad?: Uint8Array,
  ): {
    /** As many bytes as `source` has. */
    ciphertext: Uint8Array<ArrayBuffer>;
    /** {@link Aead.tagSize} bytes. */
    tag: Uint8Array<ArrayBuffer>;
  } {
    const sealed = this.seal(source, nonce, aad);
    const end = sealed.length - this.#tagSize;
    return { ciphertext: sealed.subarray(0, end), tag: sealed.subarray(end) };
  }

  /**
   * Verifies and decrypts a ciphertext with a separate tag. Otherwise like {@link Aead.open}.
   *
   * @returns the plaintext
   */
  decrypt(ciphertext: Uint8Array, tag: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkOneCall(ciphertext, "source", this.#name);
    const tagSize = checkSizes(tag, [this.#tagSize], "tag", this.#name);
    const sealed = new Uint8Array(size + tagSize);
    copyInto(sealed, partOf(ciphertext, 0, size));
    sealed.set(partOf(tag, 0, tagSize), size);
    return sealed.subarray(0, this.#run(COP_DECRYPT, sealed, sealed, nonce, aad));
  }

  /** @param written - as for {@link checkOneCall} */
  #checkSealed(sealed: Uint8Array, written?: number): number {
    const size = checkOneCall(sealed, "source", this.#name, written);
    if (size < this.#tagSize) {
      throw new RangeError(`source for ${this.#name}: expected at least the tag's ${this.#tagSize} bytes, got ${size}`);
    }
    return size;
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
    nonce: Uint8Array,
    aad: Uint8Array | undefined,
  ): number {
    this.#kernel.requireIdle();
    const isSeal = op === COP_ENCRYPT;
    const size = isSeal ? checkOneCall(source, "source", this.#name) : this.#checkSealed(source);
    const result = isSeal ? size + this.#tagSize : size - this.#tagSize;
    const written = isSeal ? result : size;
    const aadSize = checkAad(aad, "aad", this.#name);
    checkDestination(destination, written, source, size, this.#name);
    this.#checkNonce(nonce, isSeal ? size : result);
    const iv = this.#isCcm ? this.#counterBlock(nonce) : nonce;
    this.#operation.run(op, source, size, destination, written, iv, aad, aadSize);
    return result;
  }

  #checkNonce(nonce: Uint8Array, messageSize: number): void {
    const size = checkSizes(nonce, this.#isCcm ? CCM_NONCE : GCM_NONCE, "nonce", this.#name);
    if (!this.#isCcm) return;
    const countSize = 15 - size;
    if (messageSize < 2 ** (8 * countSize)) return;
    const most = 2 ** (8 * countSize) - 1;
    throw new RangeError(
      `source for ${this.#name}: expected at most ${most} bytes with a nonce of ${size} bytes, got ${messageSize}`,
    );
  }

  /** Builds the kernel's iv from a nonce of CCM (NIST SP 800-38C, section A.2). */
  #counterBlock(nonce: Uint8Array): Uint8Array {
    const block = this.#block;
    // The first byte is the size of the message length field, minus one. The field is at the end, and the kernel fills
    // it in.
    block.fill(0);
    block[0] = 14 - byteLengthOf(nonce);
    block.set(nonce, 1);
    return block;
  }
}
