import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_AEAD_SRTP_TYPE } from "../abi/constants.ts";
import type { NamedCipher } from "../algorithms.ts";
import { checkIv, checkOneCall, checkRoom } from "../checks.ts";
import type { Device } from "../device.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { LONGEST_SRTP_HEADER } from "../kernel/limits.ts";
import { AuthOperation } from "../kernel/operation.ts";
import { copyInto, partOf } from "../memory/bytes.ts";
import { option } from "../options.ts";
import { inWords } from "../words.ts";
import { type CipherAndMac, CipherWithMac } from "./cipher_with_mac.ts";
import { kernelSessionOf } from "./session.ts";

/** Options of {@link Device.srtp}. */
export interface SrtpOptions {
  /**
   * Bytes in a tag, 1 to the size of the mac. Defaults to the whole mac. SRTP itself uses 10 or 4 (RFC 3711, section
   * 5.2).
   */
  readonly tagSize?: number | undefined;
}

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
 * const [key, mackey, iv] = [16, 20, 16].map((size) => crypto.getRandomValues(new Uint8Array(size)));
 * const srtp = device.srtp("aes-128-ctr", key, "hmac-sha1", mackey, { tagSize: 10 });
 * const packet = crypto.getRandomValues(new Uint8Array(12 + 160));
 * const sealed = srtp.seal(packet, 12, iv);
 * console.log(sealed.length, srtp.open(sealed, 12, iv).length); // 182 172
 * device.close();
 * ```
 */
export class SrtpPacket extends CipherWithMac {
  /** Bytes in a tag. */
  readonly tagSize: number;
  readonly #cipher: NamedCipher;
  /** Checks use this private copy, because a program can redefine the public property. */
  readonly #tagSize: number;
  readonly #kernel: KernelSession;
  readonly #operation: AuthOperation;

  /** @internal */
  constructor(device: Device, file: DeviceFile, start: CipherAndMac, options: SrtpOptions | undefined) {
    const { cipher, mac } = start;
    const tagSize = option(options, "tagSize", mac.name, mac.digestSize);
    if (!Number.isInteger(tagSize) || tagSize < 1 || tagSize > mac.digestSize) {
      throw new RangeError(`tag size for ${mac.name}: expected 1 to ${mac.digestSize} bytes, got ${inWords(tagSize)}`);
    }
    super(device, file, `srtp with ${cipher.name} and ${mac.name}`, start);
    this.tagSize = tagSize;
    this.#cipher = cipher;
    this.#tagSize = tagSize;
    this.#kernel = kernelSessionOf(this);
    const sizes = { name: cipher.name, ivSize: cipher.algorithm.ivSize, macSize: tagSize };
    this.#operation = new AuthOperation(this.#kernel, sizes, COP_FLAG_AEAD_SRTP_TYPE);
  }

  /**
   * Encrypts a packet's payload and appends its tag, in new memory (CIOCAUTHCRYPT).
   *
   * @param packet - header and payload; the payload has at least one byte
   * @param headerSize - how many bytes are authenticated but not encrypted, 0 to 256
   * @param iv - 16 bytes
   * @returns the packet followed by its tag
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  seal(packet: Uint8Array, headerSize: number, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkOneCall(packet, "packet", this.#cipher.name);
    const memory = new Uint8Array(size + this.#tagSize);
    copyInto(memory, partOf(packet, 0, size));
    this.#run(COP_ENCRYPT, memory, headerSize, iv);
    return memory;
  }

  /**
   * Encrypts a packet's payload and appends its tag, in place.
   *
   * @param memory - the packet, followed by {@link SrtpPacket.tagSize} bytes of room for the tag
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  sealInPlace(memory: Uint8Array, headerSize: number, iv: Uint8Array): void {
    this.#run(COP_ENCRYPT, memory, headerSize, iv);
  }

  /**
   * Verifies a packet and decrypts its payload, in new memory.
   *
   * @param sealed - the packet followed by its tag; the driver does not open a packet whose payload is shorter than its
   * tag
   * @returns header and payload
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if packet, tag or iv was changed
   */
  open(sealed: Uint8Array, headerSize: number, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkOneCall(sealed, "packet", this.#cipher.name);
    const memory = new Uint8Array(size);
    copyInto(memory, partOf(sealed, 0, size));
    this.#run(COP_DECRYPT, memory, headerSize, iv);
    return memory.subarray(0, memory.length - this.#tagSize);
  }

  /**
   * Verifies a packet and decrypts its payload, in place. If verification fails, the payload was not decrypted, but it
   * is wiped anyway.
   *
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if packet, tag or iv was changed
   */
  openInPlace(sealed: Uint8Array, headerSize: number, iv: Uint8Array): void {
    this.#run(COP_DECRYPT, sealed, headerSize, iv);
  }

  #run(op: number, memory: Uint8Array, headerSize: number, iv: Uint8Array): void {
    this.#kernel.requireIdle();
    const { name } = this.#cipher;
    if (!Number.isInteger(headerSize) || headerSize < 0 || headerSize > LONGEST_SRTP_HEADER) {
      throw new RangeError(
        `header for ${name}: expected 0 to ${LONGEST_SRTP_HEADER} bytes, got ${inWords(headerSize)}`,
      );
    }
    checkOneCall(memory, "packet", name);
    // An empty payload would be a NULL pointer, which is not inside the packet. And the driver does not open a packet
    // whose payload is shorter than its tag.
    const shortest = op === COP_DECRYPT ? this.#tagSize : 1;
    const whole = checkRoom(memory, headerSize + shortest + this.#tagSize, "packet", name);
    checkIv(iv, this.#cipher, false);
    this.#operation.runPacket(op, memory, whole, headerSize, iv);
  }
}
