import type { SizeRange } from "../abi/ciphers.ts";
import { COP_DECRYPT, COP_ENCRYPT } from "../abi/constants.ts";
import type { crypt_auth_op } from "../abi/structs/crypt_auth_op.ts";
import type { NamedCipher } from "../algorithms.ts";
import { byteLengthOf } from "../bytes.ts";
import type { Call } from "../call.ts";
import { checkAad, checkApart, checkData, checkDestination, checkKey, checkSizes, checkTagSize } from "../checks.ts";
import type { Descriptor } from "../descriptor.ts";
import type { Device } from "../device.ts";
import { AuthCrypt } from "./auth_crypt.ts";
import type { Channel } from "./channel.ts";
import { channelOf, Session } from "./session.ts";

/** Options of {@link Device.aead}. */
export interface AeadOptions {
  /**
   * Bytes in a tag, for the whole of the session: 4, 8 or 12 to 16 for GCM, an even number from 4 to 16 for CCM; 16 if
   * left out. A short tag is easier to forge (NIST SP 800-38D, appendix C).
   */
  readonly tagSize?: number | undefined;
}

/** Nonces of CCM leave 2 to 8 bytes of the block to count the message (NIST SP 800-38C, section A.1). */
const CCM_NONCE = { min: 7, max: 13 } as const;
const GCM_NONCE = { min: 12, max: 12 } as const;

/**
 * A session that encrypts and authenticates: AES-GCM or AES-CCM. {@link Device.aead} starts it.
 *
 * A sealed message is the ciphertext with the tag after it. Each nonce is used once with one key: a second message under
 * the same nonce gives away both.
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
  /** The cipher's name, as it was asked for. */
  readonly name: string;
  /** Bytes in a tag. */
  readonly tagSize: number;
  /** The least and the most bytes in a nonce. */
  readonly nonceSize: SizeRange;
  /** What counts: a program can redefine what it sees. */
  readonly #name: string;
  readonly #tagSize: number;
  readonly #isCcm: boolean;
  readonly #channel: Channel;
  readonly #auth: AuthCrypt;
  /** The kernel's iv: GCM's is the nonce, CCM's has the nonce inside. */
  readonly #iv: Uint8Array;
  /** Where no data is: NULL would crash the kernel. */
  readonly #nothing = new Uint8Array(new ArrayBuffer(16));
  /** The last operation: what it did, to how many bytes, with how many as a result. */
  #op = -1;
  #size = 0;
  #result = 0;

  /** @internal */
  constructor(
    device: Device,
    descriptor: Descriptor,
    cipher: NamedCipher,
    key: Uint8Array,
    { tagSize = 16 }: AeadOptions = {},
  ) {
    const { id, kernelName, ivSize, tagSizes = [] } = cipher.algorithm;
    checkKey(key, cipher);
    checkTagSize(tagSize, cipher.name, tagSizes);
    super(device, descriptor, cipher.name, `${kernelName}`, { cipher: id, key });
    this.name = cipher.name;
    this.tagSize = tagSize;
    this.#name = cipher.name;
    this.#tagSize = tagSize;
    this.#isCcm = cipher.algorithm.name === "aes-ccm";
    this.nonceSize = this.#isCcm ? CCM_NONCE : GCM_NONCE;
    this.#iv = new Uint8Array(new ArrayBuffer(ivSize));
    this.#channel = channelOf(this);
    this.#auth = new AuthCrypt(this.#channel, 0, tagSize);
  }

  /**
   * Encrypts and authenticates into new memory (CIOCAUTHCRYPT).
   *
   * @param source - any number of bytes, at most 2 GiB - 1: an AEAD cannot work in chunks
   * @param nonce - 12 bytes for GCM, 7 to 13 for CCM
   * @param aad - at most 4096 bytes that are authenticated and not encrypted
   * @returns the ciphertext with the tag after it: {@link Aead.tagSize} bytes more than `source`
   * @throws `TypeError` for what is no Uint8Array or is detached; `RangeError` for a wrong size; `ClosedError` after the
   * session's end; `CryptodevError` where the kernel refuses
   */
  seal(source: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): Uint8Array<ArrayBuffer> {
    const sealed = new Uint8Array(checkData(source, "source", this.#name) + this.#tagSize);
    this.#run(COP_ENCRYPT, source, sealed, nonce, aad);
    return sealed;
  }

  /**
   * Encrypts and authenticates into given memory.
   *
   * @param destination - room for `source` and the tag: memory that starts with `source`, to work in place, or memory
   * apart from it, and apart from `aad`
   * @returns the number of bytes written
   * @throws as {@link Aead.seal}; `RangeError` for a destination that is too short or overlaps partly
   */
  sealInto(source: Uint8Array, destination: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): number {
    return this.#run(COP_ENCRYPT, source, destination, nonce, aad);
  }

  /**
   * Checks and decrypts into new memory.
   *
   * @param sealed - the ciphertext with the tag after it
   * @throws as {@link Aead.seal}; `CryptodevError` with `EBADMSG` where the message, its aad or its nonce was changed: no
   * plaintext is left then
   */
  open(sealed: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): Uint8Array<ArrayBuffer> {
    const plaintext = new Uint8Array(this.#checkSealed(sealed));
    return plaintext.subarray(0, this.#run(COP_DECRYPT, sealed, plaintext, nonce, aad));
  }

  /**
   * Checks and decrypts into given memory.
   *
   * @param destination - as many bytes as `sealed` has, though the plaintext is shorter: the driver asks for the tag's
   * room too. It starts where `sealed` does, or is memory apart from it. Where the check fails it is wiped
   * @returns the number of bytes of plaintext
   * @throws as {@link Aead.open}; `RangeError` as {@link Aead.sealInto}
   */
  openInto(sealed: Uint8Array, destination: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): number {
    return this.#run(COP_DECRYPT, sealed, destination, nonce, aad);
  }

  /**
   * Encrypts and authenticates, and gives ciphertext and tag apart. All else is as in {@link Aead.seal}.
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

  /** Checks and decrypts ciphertext and tag that are apart. All else is as in {@link Aead.open}. */
  decrypt(ciphertext: Uint8Array, tag: Uint8Array, nonce: Uint8Array, aad?: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkData(ciphertext, "source", this.#name);
    const tagSize = checkSizes(tag, [this.#tagSize], "tag", this.#name);
    const sealed = new Uint8Array(size + tagSize);
    sealed.set(ciphertext);
    sealed.set(tag, size);
    return sealed.subarray(0, this.#run(COP_DECRYPT, sealed, sealed, nonce, aad));
  }

  #checkSealed(sealed: Uint8Array): number {
    const size = checkData(sealed, "source", this.#name);
    if (size < this.#tagSize) {
      throw new RangeError(`source for ${this.#name}: expected at least the tag's ${this.#tagSize} bytes, got ${size}`);
    }
    return size;
  }

  /** Runs an operation. @returns bytes written */
  #run(
    op: number,
    source: Uint8Array,
    destination: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array | undefined,
  ): number {
    this.#channel.requireOpen();
    const auth = this.#auth;
    if (op === this.#op && auth.isOver(source, destination, nonce, aad)) {
      this.#setIv(nonce);
      this.#send(auth.again(this.#size, null), destination);
      return this.#result;
    }
    const isSeal = op === COP_ENCRYPT;
    const size = isSeal ? checkData(source, "source", this.#name) : this.#checkSealed(source);
    const result = isSeal ? size + this.#tagSize : size - this.#tagSize;
    const written = isSeal ? result : size;
    const authLen = checkAad(aad, "aad", this.#name);
    checkDestination(destination, written, source, size, this.#name);
    // The driver reads the aad when it has begun to write: what is in both would not authenticate.
    if (aad !== undefined) checkApart(destination, written, aad, authLen, "aad", this.#name);
    this.#checkNonce(nonce, isSeal ? size : result);
    this.#setIv(nonce);
    this.#op = op;
    this.#size = size;
    this.#result = result;
    const call = auth.prepare({
      op,
      auth: aad ?? null,
      authLen,
      src: size === 0 ? this.#nothing : source,
      len: size,
      dst: destination,
      tag: null,
      iv: this.#iv,
    });
    this.#send(call, destination);
    auth.remember(source, destination, nonce, aad);
    return result;
  }

  #send(call: Call<typeof crypt_auth_op>, destination: Uint8Array): void {
    // Plaintext that did not authenticate is wiped; a source that could not be sealed in place is not.
    this.#channel.operateOrWipe(call, this.#size, destination, this.#op === COP_DECRYPT ? this.#size : 0);
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

  #setIv(nonce: Uint8Array): void {
    if (!this.#isCcm) {
      this.#iv.set(nonce);
      return;
    }
    // The first byte is how many bytes count the message, less one; they are the last, and the kernel's to fill.
    this.#iv.fill(0);
    this.#iv[0] = 14 - byteLengthOf(nonce);
    this.#iv.set(nonce, 1);
  }
}
