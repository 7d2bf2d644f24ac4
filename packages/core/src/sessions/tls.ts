import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_AEAD_TLS_TYPE } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCAUTHCRYPT } from "../abi/ioctls.ts";
import type { NamedCipher } from "../algorithms.ts";
import { checkHeader, checkIv, checkOneCall, checkOneCallSize, checkRoom, checkSource } from "../checks.ts";
import type { Device } from "../device.ts";
import { CryptodevError } from "../errors.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { AuthOperation } from "../kernel/operation.ts";
import { copyInto, partOf } from "../memory/bytes.ts";
import { inWords } from "../words.ts";
import { type CipherAndMac, CipherWithMac } from "./cipher_with_mac.ts";
import { kernelSessionOf } from "./session.ts";

/**
 * A session for the records of TLS with a block cipher: mac, then padding, then CBC (RFC 5246, section 6.2.3.2).
 * {@link Device.tls} starts it.
 *
 * It does not keep the state of a connection: the caller passes the iv, and the header that the mac covers (sequence
 * number, type, version and length).
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const [key, mackey, iv] = [16, 20, 16].map((size) => crypto.getRandomValues(new Uint8Array(size)));
 * const tls = device.tls("aes-128-cbc", key, "hmac-sha1", mackey);
 * const header = new Uint8Array(13);
 * const record = tls.seal(new TextEncoder().encode("fragment"), header, iv);
 * console.log(record.length, new TextDecoder().decode(tls.open(record, header, iv))); // 32 fragment
 * device.close();
 * ```
 */
export class TlsRecord extends CipherWithMac {
  /** Bytes in a mac. */
  readonly macSize: number;
  /** A record consists of whole blocks of this many bytes. */
  readonly blockSize: number;
  readonly #cipher: NamedCipher;
  readonly #overhead: number;
  readonly #kernel: KernelSession;
  readonly #operation: AuthOperation;

  /** @internal */
  constructor(device: Device, file: DeviceFile, start: CipherAndMac) {
    const { cipher, mac } = start;
    super(device, file, `tls with ${cipher.name} and ${mac.name}`, start);
    const { blockSize } = cipher.algorithm;
    this.macSize = mac.digestSize;
    this.blockSize = blockSize;
    this.#cipher = cipher;
    this.#overhead = mac.digestSize + blockSize;
    this.#kernel = kernelSessionOf(this);
    const sizes = { name: cipher.name, ivSize: cipher.algorithm.ivSize, macSize: mac.digestSize };
    this.#operation = new AuthOperation(this.#kernel, sizes, COP_FLAG_AEAD_TLS_TYPE);
  }

  /**
   * Creates a record in new memory (CIOCAUTHCRYPT).
   *
   * @param fragment - any number of bytes; TLS itself allows 16384
   * @param header - what the mac covers before the fragment, at most 4096 bytes
   * @param iv - one block
   * @returns fragment, mac and the shortest padding, encrypted
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  seal(fragment: Uint8Array, header: Uint8Array, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkOneCall(fragment, "fragment", this.#cipher.name);
    const memory = new Uint8Array(size + this.#overhead);
    copyInto(memory, partOf(fragment, 0, size));
    return memory.subarray(0, this.#seal(memory, size, header, iv));
  }

  /**
   * Creates a record from the first bytes of existing memory, in place.
   *
   * @param memory - the fragment, followed by {@link TlsRecord.overhead} bytes of room
   * @param size - bytes in the fragment
   * @returns bytes in the record
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  sealInPlace(memory: Uint8Array, size: number, header: Uint8Array, iv: Uint8Array): number {
    if (!Number.isInteger(size) || size < 0) {
      throw new RangeError(`fragment for ${this.#cipher.name}: expected a number of bytes, got ${inWords(size)}`);
    }
    return this.#seal(memory, size, header, iv);
  }

  /**
   * Verifies and decrypts a record into new memory.
   *
   * @returns the fragment
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if padding, mac, header or iv is wrong; the error does not say which, and
   * the plaintext is wiped
   */
  open(record: Uint8Array, header: Uint8Array, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkOneCall(record, "record", this.#cipher.name);
    const memory = new Uint8Array(size);
    copyInto(memory, partOf(record, 0, size));
    return memory.subarray(0, this.#open(memory, header, iv));
  }

  /**
   * Verifies and decrypts a record in place.
   *
   * @param record - whole blocks; it is wiped if verification fails
   * @returns bytes in the fragment, which starts where the record does
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if padding, mac, header or iv is wrong; the error does not say which
   */
  openInPlace(record: Uint8Array, header: Uint8Array, iv: Uint8Array): number {
    return this.#open(record, header, iv);
  }

  /** How many bytes a record can be longer than its fragment: the mac and the longest padding. */
  get overhead(): number {
    return this.#overhead;
  }

  #seal(memory: Uint8Array, size: number, header: Uint8Array, iv: Uint8Array): number {
    const written = size + this.#overhead;
    checkOneCallSize(written, "fragment", this.#cipher.name);
    checkRoom(memory, written, "memory", this.#cipher.name);
    return this.#run(COP_ENCRYPT, memory, size, written, header, iv);
  }

  #open(record: Uint8Array, header: Uint8Array, iv: Uint8Array): number {
    checkOneCall(record, "record", this.#cipher.name);
    const size = checkSource(record, this.#cipher);
    checkRoom(record, this.#cipher.algorithm.blockSize, "record", this.#cipher.name);
    try {
      return this.#run(COP_DECRYPT, record, size, size, header, iv);
    } catch (error) {
      // The kernel returns different codes for a record that is too short for a mac after its padding was removed, and
      // for one whose mac is wrong. Whoever can tell these apart can decrypt (RFC 5246, section 6.2.3.2), so both
      // become EBADMSG. In both cases the record has been decrypted; an EINVAL before that says nothing about the
      // record.
      const isTooShort = error instanceof CryptodevError && error.errno === errnos.EINVAL && this.#operation.hadBegun;
      if (!isTooShort) throw error;
      throw this.#kernel.file.refusal(errnos.EBADMSG, CIOCAUTHCRYPT.name);
    }
  }

  #run(op: number, memory: Uint8Array, size: number, written: number, aad: Uint8Array, iv: Uint8Array): number {
    this.#kernel.requireIdle();
    const aadSize = checkHeader(aad, "header", this.#cipher.name);
    checkIv(iv, this.#cipher, false);
    return this.#operation.run(op, memory, size, memory, written, iv, aad, aadSize);
  }
}
