import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_AEAD_SRTP_TYPE } from "../abi/constants.ts";
import type { NamedCipher } from "../algorithms.ts";
import { partOf } from "../bytes.ts";
import { checkApart, checkData, checkIv, checkRoom } from "../checks.ts";
import type { Descriptor } from "../descriptor.ts";
import type { Device } from "../device.ts";
import { inWords } from "../words.ts";
import { AuthCrypt } from "./auth_crypt.ts";
import type { Channel } from "./channel.ts";
import { type CipherAndMac, CipherWithMac } from "./cipher_with_mac.ts";
import { channelOf } from "./session.ts";

/** Options of {@link Device.srtp}. */
export interface SrtpOptions {
  /**
   * Bytes in a tag, 1 to the size of the mac; the whole mac if left out. SRTP itself uses 10 or 4 (RFC 3711, section 5.2).
   */
  readonly tagSize?: number | undefined;
}

/** The driver takes no longer header. */
const longestHeader = 256;

/**
 * A session for SRTP packets: the payload is encrypted in counter mode, then a mac covers header and payload (RFC 3711,
 * section 3.3). {@link Device.srtp} starts it.
 *
 * It knows nothing of streams: the caller brings the iv of each packet.
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
  /** What counts: a program can redefine what it sees. */
  readonly #tagSize: number;
  readonly #channel: Channel;
  readonly #auth: AuthCrypt;

  /** @internal */
  constructor(device: Device, descriptor: Descriptor, start: CipherAndMac, options: SrtpOptions = {}) {
    const { cipher, mac } = start;
    const { tagSize = mac.digestSize } = options;
    if (!Number.isInteger(tagSize) || tagSize < 1 || tagSize > mac.digestSize) {
      throw new RangeError(`tag size for ${mac.name}: expected 1 to ${mac.digestSize} bytes, got ${inWords(tagSize)}`);
    }
    super(device, descriptor, `srtp with ${cipher.name} and ${mac.name}`, start);
    this.tagSize = tagSize;
    this.#cipher = cipher;
    this.#tagSize = tagSize;
    this.#channel = channelOf(this);
    this.#auth = new AuthCrypt(this.#channel, COP_FLAG_AEAD_SRTP_TYPE, tagSize);
  }

  /**
   * Encrypts a packet's payload and appends its tag, in new memory (CIOCAUTHCRYPT).
   *
   * @param packet - header and payload, which is at least one byte
   * @param headerSize - bytes that are authenticated and not encrypted, 0 to 256
   * @param iv - 16 bytes
   * @returns the packet with its tag after it
   * @throws `TypeError` for what is no Uint8Array or is detached; `RangeError` for a wrong size; `ClosedError` after the
   * session's end; `CryptodevError` where the kernel refuses
   */
  seal(packet: Uint8Array, headerSize: number, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkData(packet, "packet", this.#cipher.name);
    const memory = new Uint8Array(size + this.#tagSize);
    memory.set(packet);
    this.#run(COP_ENCRYPT, memory, headerSize, iv);
    return memory;
  }

  /**
   * The same in place.
   *
   * @param memory - the packet, and {@link SrtpPacket.tagSize} bytes for the tag
   * @throws as {@link SrtpPacket.seal}
   */
  sealInPlace(memory: Uint8Array, headerSize: number, iv: Uint8Array): void {
    this.#run(COP_ENCRYPT, memory, headerSize, iv);
  }

  /**
   * Checks a packet and decrypts its payload, into new memory.
   *
   * @param sealed - the packet with its tag after it; the driver opens none whose payload is shorter than the tag
   * @returns header and payload
   * @throws as {@link SrtpPacket.seal}; `CryptodevError` with `EBADMSG` where packet, tag or iv were changed
   */
  open(sealed: Uint8Array, headerSize: number, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const memory = new Uint8Array(checkData(sealed, "packet", this.#cipher.name));
    memory.set(sealed);
    this.#run(COP_DECRYPT, memory, headerSize, iv);
    return memory.subarray(0, memory.length - this.#tagSize);
  }

  /**
   * The same in place. Where the check fails, the payload was not decrypted; it is wiped all the same.
   *
   * @throws as {@link SrtpPacket.open}
   */
  openInPlace(sealed: Uint8Array, headerSize: number, iv: Uint8Array): void {
    this.#run(COP_DECRYPT, sealed, headerSize, iv);
  }

  #run(op: number, memory: Uint8Array, headerSize: number, iv: Uint8Array): void {
    this.#channel.requireOpen();
    const { name } = this.#cipher;
    if (!Number.isInteger(headerSize) || headerSize < 0 || headerSize > longestHeader) {
      throw new RangeError(`header for ${name}: expected 0 to ${longestHeader} bytes, got ${inWords(headerSize)}`);
    }
    checkData(memory, "packet", name);
    // A payload of no bytes would be a NULL pointer, which is not inside the packet, and the driver opens none that is
    // shorter than its tag.
    const shortest = op === COP_DECRYPT ? this.#tagSize : 1;
    const whole = checkRoom(memory, headerSize + shortest + this.#tagSize, "packet", name);
    const size = whole - this.#tagSize;
    checkIv(iv, this.#cipher, false);
    checkApart(memory, whole, iv, this.#cipher.algorithm.ivSize, "iv", name);
    const payload = partOf(memory, headerSize, size);
    const data = {
      op,
      auth: memory,
      authLen: size,
      src: payload,
      len: size - headerSize,
      dst: payload,
      tag: partOf(memory, size, whole),
      iv,
    };
    const suspect = op === COP_DECRYPT ? size - headerSize : 0;
    this.#channel.operateOrWipe(this.#auth.prepare(data), size, payload, suspect);
  }
}
