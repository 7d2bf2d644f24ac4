import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_AEAD_TLS_TYPE } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import type { HmacName, KeyedMacName, NamedCipher, NamedMac, TlsCipherName, Written } from "../algorithms/catalogue.ts";
import {
  checkDestination,
  checkHeader,
  checkIv,
  checkOneCall,
  checkOneCallSize,
  checkRoom,
  checkSource,
} from "../checks.ts";
import { AuthenticationError, CryptodevError } from "../errors.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { AuthOperation } from "../kernel/operation.ts";
import { own } from "../options.ts";
import { Session } from "./session.ts";
import { type CipherAndMac, startWithMac } from "./start.ts";

/** The algorithms and keys of {@link Device.tls}. Keys are read once and not kept. */
export interface TlsStart {
  /** A block cipher in CBC mode. */
  readonly cipher: Written<TlsCipherName>;
  /** The cipher's key, of one of its sizes. */
  readonly key: Uint8Array;
  /** An HMAC, by its own name or by that of its hash. */
  readonly mac: Written<KeyedMacName | HmacName>;
  /** The mac's key, 0 to 512 bytes. */
  readonly macKey: Uint8Array;
}

/** The header and the iv of a TLS record. */
export interface TlsMessage {
  /** The data that the mac covers before the fragment, at most 4096 bytes: sequence number, type, version and length. */
  readonly header: Uint8Array;
  /** One block. */
  readonly iv: Uint8Array;
}

/** The members of a message, of which a program can omit any. */
type Parts = { readonly [Part in keyof TlsMessage]: TlsMessage[Part] | undefined };

/**
 * A session for the records of TLS with a block cipher: mac, then padding, then CBC (RFC 5246, section 6.2.3.2).
 * {@link Device.tls} starts it.
 *
 * It does not keep the state of a connection: the caller passes the iv and the header of each record.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const key = crypto.getRandomValues(new Uint8Array(16));
 * const macKey = crypto.getRandomValues(new Uint8Array(20));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const tls = device.tls({ cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey });
 * const header = new Uint8Array(13);
 * const record = tls.seal(new TextEncoder().encode("fragment"), { header, iv });
 * console.log(record.length, new TextDecoder().decode(tls.open(record, { header, iv }))); // 32 fragment
 * device.close();
 * ```
 */
export class TlsCipher extends Session {
  readonly #cipher: NamedCipher<TlsCipherName>;
  readonly #mac: NamedMac<KeyedMacName>;
  readonly #kernel: KernelSession;
  readonly #operation: AuthOperation;
  readonly #overhead: number;

  /** @internal */
  constructor(file: DeviceFile, start: CipherAndMac<TlsCipherName, KeyedMacName>) {
    const { cipher, mac } = start;
    const kernel = startWithMac(file, "tls with ", start);
    super(kernel);
    this.#cipher = cipher;
    this.#mac = mac;
    this.#kernel = kernel;
    this.#overhead = mac.digestSize + cipher.algorithm.blockSize;
    const sizes = { name: cipher.name, ivSize: cipher.algorithm.ivSize, macSize: mac.digestSize };
    this.#operation = new AuthOperation(kernel, sizes, COP_FLAG_AEAD_TLS_TYPE);
  }

  /** The cipher's name, as it was requested, in this library's form. */
  get name(): TlsCipherName {
    return this.#cipher.name;
  }

  /** The mac's name. */
  get mac(): KeyedMacName {
    return this.#mac.name;
  }

  /** Bytes in a mac. */
  get macSize(): number {
    return this.#mac.digestSize;
  }

  /** A record consists of whole blocks of this many bytes. */
  get blockSize(): number {
    return this.#cipher.algorithm.blockSize;
  }

  /** How many bytes a record can be longer than its fragment: the mac and the longest padding. */
  get overhead(): number {
    return this.#overhead;
  }

  /**
   * Creates a record in new memory (CIOCAUTHCRYPT).
   *
   * @param fragment - any number of bytes; TLS itself allows 16384
   * @returns fragment, mac and the shortest padding, encrypted
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv or header is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  seal(fragment: Uint8Array, message: TlsMessage): Uint8Array<ArrayBuffer> {
    const parts = this.#partsOf(message);
    const destination = new Uint8Array(checkOneCall(fragment, "fragment", this.#cipher.name) + this.#overhead);
    return destination.subarray(0, this.#seal(fragment, destination, parts));
  }

  /**
   * Creates a record in existing memory.
   *
   * @param destination - room for `fragment` and {@link TlsCipher.overhead} bytes: either memory that starts with
   * `fragment`, to work in place, or separate memory
   * @returns bytes in the record
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv or header is missing
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps the
   * fragment
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  sealInto(fragment: Uint8Array, destination: Uint8Array, message: TlsMessage): number {
    return this.#seal(fragment, destination, this.#partsOf(message));
  }

  /**
   * Verifies and decrypts a record into new memory.
   *
   * @param record - whole blocks
   * @returns the fragment
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv or header is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if padding, mac, header or iv is wrong; the plaintext is wiped
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  open(record: Uint8Array, message: TlsMessage): Uint8Array<ArrayBuffer> {
    const parts = this.#partsOf(message);
    const destination = new Uint8Array(checkOneCall(record, "record", this.#cipher.name));
    return destination.subarray(0, this.#open(record, destination, parts));
  }

  /**
   * Verifies and decrypts a record into existing memory.
   *
   * @param destination - as many bytes as `record` has: either `record` itself or separate memory. It is wiped if
   * verification fails
   * @returns bytes in the fragment
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv or header is missing
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps the
   * record
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if padding, mac, header or iv is wrong
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  openInto(record: Uint8Array, destination: Uint8Array, message: TlsMessage): number {
    return this.#open(record, destination, this.#partsOf(message));
  }

  /** Reads the header and the iv of a record. Getters of the program run here, so nothing is measured before this. */
  #partsOf(message: TlsMessage): Parts {
    const { name } = this.#cipher;
    return { header: own(message, "header", name), iv: own(message, "iv", name) };
  }

  #seal(fragment: Uint8Array, destination: Uint8Array, { header, iv }: Parts): number {
    const { name } = this.#cipher;
    const size = checkOneCall(fragment, "fragment", name);
    checkOneCallSize(size + this.#overhead, "fragment", name);
    return this.#run(COP_ENCRYPT, fragment, size, destination, size + this.#overhead, header, iv);
  }

  #open(record: Uint8Array, destination: Uint8Array, { header, iv }: Parts): number {
    const { name } = this.#cipher;
    checkOneCall(record, "record", name);
    const size = checkSource(record, this.#cipher);
    checkRoom(record, this.#cipher.algorithm.blockSize, "record", name);
    try {
      return this.#run(COP_DECRYPT, record, size, destination, size, header, iv);
    } catch (error) {
      // The kernel returns different codes for a record that is too short for a mac after its padding was removed, and
      // for one whose mac is wrong. Whoever can tell these apart can decrypt (RFC 5246, section 6.2.3.2). In both cases
      // the record has been decrypted; an EINVAL before that says nothing about the record.
      const isTooShort = error instanceof CryptodevError && error.errno === errnos.EINVAL && this.#operation.hadBegun;
      throw isTooShort ? new AuthenticationError() : error;
    }
  }

  #run(
    op: number,
    source: Uint8Array,
    size: number,
    destination: Uint8Array,
    written: number,
    header: Uint8Array | undefined,
    iv: Uint8Array | undefined,
  ): number {
    this.#kernel.requireOpen();
    const { name } = this.#cipher;
    const headerSize = checkHeader(header as Uint8Array, "header", name);
    checkIv(iv, this.#cipher);
    checkDestination(destination, written, source, size, name);
    return this.#operation.run(op, source, size, destination, written, iv as Uint8Array, header, headerSize);
  }
}
