import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_AEAD_SRTP_TYPE } from "../abi/constants.ts";
import type {
  HmacName,
  KeyedMacName,
  NamedCipher,
  NamedMac,
  SrtpCipherName,
  Written,
} from "../algorithms/catalogue.ts";
import { checkDestination, checkIv, checkOneCall, checkOneCallSize, checkRoom } from "../checks.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { MAX_SRTP_HEADER } from "../kernel/limits.ts";
import { AuthOperation } from "../kernel/operation.ts";
import { own } from "../options.ts";
import { inWords } from "../words.ts";
import { Session } from "./session.ts";
import { type CipherAndMac, startWithMac } from "./start.ts";

/** The algorithms and keys of {@link Device.srtp}. Keys are read once and not kept. */
export interface SrtpStart {
  /** AES in CTR mode. */
  readonly cipher: Written<SrtpCipherName>;
  /** The cipher's key, of one of its sizes. */
  readonly key: Uint8Array;
  /** An HMAC, by its own name or by that of its hash. */
  readonly mac: Written<KeyedMacName | HmacName>;
  /** The mac's key, 0 to 512 bytes. */
  readonly macKey: Uint8Array;
  /**
   * Bytes in a tag, 1 to the size of the mac. Defaults to the whole mac. SRTP itself uses 10 or 4 (RFC 3711, section
   * 5.2).
   */
  readonly tagSize?: number | undefined;
}

/** The size of the header of an SRTP packet, and its iv. */
export interface SrtpMessage {
  /** How many bytes at the start of the packet are authenticated but not encrypted, 0 to 256. */
  readonly headerSize: number;
  /** 16 bytes. */
  readonly iv: Uint8Array;
}

/** The members of a message, of which a program can omit any. */
type Parts = { readonly [Part in keyof SrtpMessage]: SrtpMessage[Part] | undefined };

/**
 * A session for SRTP packets: it encrypts the payload in counter mode, then computes a mac of header and payload (RFC
 * 3711, section 3.3). {@link Device.srtp} starts it.
 *
 * It does not keep the state of a stream: the caller passes the iv of each packet.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const key = crypto.getRandomValues(new Uint8Array(16));
 * const macKey = crypto.getRandomValues(new Uint8Array(20));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const srtp = device.srtp({ cipher: "aes-128-ctr", key, mac: "hmac-sha1", macKey, tagSize: 10 });
 * const packet = crypto.getRandomValues(new Uint8Array(12 + 160));
 * const sealed = srtp.seal(packet, { headerSize: 12, iv });
 * console.log(sealed.length, srtp.open(sealed, { headerSize: 12, iv }).length); // 182 172
 * device.close();
 * ```
 */
export class SrtpCipher extends Session {
  readonly #cipher: NamedCipher<SrtpCipherName>;
  readonly #mac: NamedMac<KeyedMacName>;
  readonly #tagSize: number;
  readonly #kernel: KernelSession;
  readonly #operation: AuthOperation;

  /** @internal */
  constructor(file: DeviceFile, start: CipherAndMac<SrtpCipherName, KeyedMacName>, tagSize: number | undefined) {
    const { cipher, mac } = start;
    const checked: unknown = tagSize === undefined ? mac.digestSize : tagSize;
    if (typeof checked !== "number" || !Number.isInteger(checked) || checked < 1 || checked > mac.digestSize) {
      throw new RangeError(`tag size for ${mac.name}: expected 1 to ${mac.digestSize} bytes, got ${inWords(checked)}`);
    }
    const kernel = startWithMac(file, "srtp with ", start);
    super(kernel);
    this.#cipher = cipher;
    this.#mac = mac;
    this.#tagSize = checked;
    this.#kernel = kernel;
    const sizes = { name: cipher.name, ivSize: cipher.algorithm.ivSize, macSize: checked };
    this.#operation = new AuthOperation(kernel, sizes, COP_FLAG_AEAD_SRTP_TYPE);
  }

  /** The cipher's name, as it was requested, in this library's form. */
  get name(): SrtpCipherName {
    return this.#cipher.name;
  }

  /** The mac's name. */
  get mac(): KeyedMacName {
    return this.#mac.name;
  }

  /** Bytes in a tag. */
  get tagSize(): number {
    return this.#tagSize;
  }

  /**
   * Encrypts a packet's payload and appends its tag, in new memory (CIOCAUTHCRYPT).
   *
   * @param packet - header and payload; the payload has at least one byte
   * @returns the packet followed by its tag
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  seal(packet: Uint8Array, message: SrtpMessage): Uint8Array<ArrayBuffer> {
    const parts = this.#partsOf(message);
    const destination = new Uint8Array(checkOneCall(packet, "packet", this.#cipher.name) + this.#tagSize);
    this.#run(COP_ENCRYPT, packet, destination, parts);
    return destination;
  }

  /**
   * Encrypts a packet's payload and appends its tag, in existing memory.
   *
   * @param destination - room for `packet` and {@link SrtpCipher.tagSize} bytes: either memory that starts with
   * `packet`, to work in place, or separate memory
   * @returns the number of bytes written
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps the
   * packet
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  sealInto(packet: Uint8Array, destination: Uint8Array, message: SrtpMessage): number {
    return this.#run(COP_ENCRYPT, packet, destination, this.#partsOf(message));
  }

  /**
   * Verifies a packet and decrypts its payload, in new memory.
   *
   * @param sealed - the packet followed by its tag; the driver does not open a packet whose payload is shorter than its
   * tag
   * @returns header and payload
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if packet, tag or iv was changed
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  open(sealed: Uint8Array, message: SrtpMessage): Uint8Array<ArrayBuffer> {
    const parts = this.#partsOf(message);
    const destination = new Uint8Array(checkOneCall(sealed, "packet", this.#cipher.name));
    return destination.subarray(0, this.#run(COP_DECRYPT, sealed, destination, parts));
  }

  /**
   * Verifies a packet and decrypts its payload, in existing memory. If verification fails, the payload was not
   * decrypted, but it is wiped anyway.
   *
   * @param destination - as many bytes as `sealed` has: either `sealed` itself or separate memory
   * @returns the size of header and payload in bytes
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or partly overlaps the
   * packet
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if packet, tag or iv was changed
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  openInto(sealed: Uint8Array, destination: Uint8Array, message: SrtpMessage): number {
    return this.#run(COP_DECRYPT, sealed, destination, this.#partsOf(message));
  }

  /** Reads the size of the header and the iv of a packet. Getters of the program run here, so nothing is measured before this. */
  #partsOf(message: SrtpMessage): Parts {
    const { name } = this.#cipher;
    return { headerSize: own(message, "headerSize", name), iv: own(message, "iv", name) };
  }

  /** @returns the size of the result in bytes */
  #run(op: number, source: Uint8Array, destination: Uint8Array, { headerSize, iv }: Parts): number {
    const { name } = this.#cipher;
    if (
      typeof headerSize !== "number" ||
      !Number.isInteger(headerSize) ||
      headerSize < 0 ||
      headerSize > MAX_SRTP_HEADER
    ) {
      throw new RangeError(`header for ${name}: expected 0 to ${MAX_SRTP_HEADER} bytes, got ${inWords(headerSize)}`);
    }
    this.#kernel.requireOpen();
    const isSeal = op === COP_ENCRYPT;
    const tagSize = this.#tagSize;
    // An empty payload would be a NULL pointer, which is not inside the packet. And the driver does not open a packet
    // whose payload is shorter than its tag.
    const shortest = headerSize + (isSeal ? 1 : 2 * tagSize);
    const size = checkRoom(source, shortest, "packet", name);
    const whole = isSeal ? size + tagSize : size;
    checkOneCallSize(whole, "packet", name);
    checkDestination(destination, whole, source, size, name);
    checkIv(iv, this.#cipher);
    this.#operation.runPacket(op, source, destination, whole, headerSize, iv as Uint8Array);
    return isSeal ? whole : whole - tagSize;
  }
}
