import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_AEAD_TLS_TYPE } from "../abi/constants.ts";
import type { MacAlgorithm } from "../abi/macs.ts";
import type { NamedCipher } from "../algorithms.ts";
import { checkAad, checkApart, checkData, checkIv, checkKey, checkMacKey, checkRoom, checkSource } from "../checks.ts";
import type { Descriptor } from "../descriptor.ts";
import type { Device } from "../device.ts";
import { AuthCrypt } from "./auth_crypt.ts";
import { Session } from "./session.ts";

/**
 * A session for the records of TLS with a block cipher: mac, then padding, then CBC (RFC 5246, section 6.2.3.2).
 * {@link Device.tls} starts it.
 *
 * It knows nothing of connections: the caller brings the iv, and the header that the mac covers (sequence number, type,
 * version and length).
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
export class TlsRecord extends Session {
  /** The cipher's name, as it was asked for. */
  readonly name: string;
  /** The mac's name. */
  readonly mac: string;
  /** Bytes in a mac. */
  readonly macSize: number;
  /** A record is whole blocks of this many bytes. */
  readonly blockSize: number;
  readonly #cipher: NamedCipher;
  readonly #auth: AuthCrypt;

  /** @internal */
  constructor(
    device: Device,
    descriptor: Descriptor,
    cipher: NamedCipher,
    key: Uint8Array,
    mac: MacAlgorithm,
    mackey: Uint8Array,
  ) {
    checkKey(key, cipher);
    checkMacKey(mackey, mac);
    const { id, kernelName, blockSize } = cipher.algorithm;
    const start = { cipher: id, key, mac: mac.id, mackey };
    super(device, descriptor, `tls with ${cipher.name} and ${mac.name}`, `${kernelName} or ${mac.kernelName}`, start);
    this.name = cipher.name;
    this.mac = mac.name;
    this.macSize = mac.digestSize;
    this.blockSize = blockSize;
    this.#cipher = cipher;
    this.#auth = new AuthCrypt(descriptor.host, this.id, COP_FLAG_AEAD_TLS_TYPE, mac.digestSize);
  }

  /**
   * Makes a record in new memory (CIOCAUTHCRYPT).
   *
   * @param fragment - any number of bytes; TLS itself has at most 16384
   * @param header - what the mac covers before the fragment, at most 4096 bytes
   * @param iv - one block
   * @returns fragment, mac and the shortest padding, encrypted
   * @throws `TypeError` for what is no Uint8Array or is detached; `RangeError` for a wrong size; `ClosedError` after the
   * session's end; `CryptodevError` where the kernel refuses
   */
  seal(fragment: Uint8Array, header: Uint8Array, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const size = checkData(fragment, `fragment for ${this.name}`);
    const memory = new Uint8Array(size + this.overhead);
    memory.set(fragment);
    return memory.subarray(0, this.sealInPlace(memory, size, header, iv));
  }

  /**
   * Makes a record of the first bytes of given memory, in place.
   *
   * @param memory - the fragment, and {@link TlsRecord.overhead} bytes of room after it
   * @param size - bytes in the fragment
   * @returns bytes in the record
   * @throws as {@link TlsRecord.seal}
   */
  sealInPlace(memory: Uint8Array, size: number, header: Uint8Array, iv: Uint8Array): number {
    if (!Number.isInteger(size) || size < 0)
      throw new RangeError(`fragment for ${this.name}: expected a size, got ${size}`);
    checkRoom(memory, size + this.overhead, `memory for ${this.name}`);
    this.#run(COP_ENCRYPT, memory, size, size + this.overhead, header, iv);
    return this.#auth.len;
  }

  /**
   * Checks and decrypts a record into new memory.
   *
   * @throws as {@link TlsRecord.seal}; `CryptodevError` with `EBADMSG` where padding, mac, header or iv are wrong, which
   * are not told apart: no plaintext is left then
   */
  open(record: Uint8Array, header: Uint8Array, iv: Uint8Array): Uint8Array<ArrayBuffer> {
    const memory = new Uint8Array(checkData(record, `record for ${this.name}`));
    memory.set(record);
    return memory.subarray(0, this.openInPlace(memory, header, iv));
  }

  /**
   * Checks and decrypts a record in place.
   *
   * @param record - whole blocks; where the check fails it is wiped
   * @returns bytes in the fragment, which is at the record's start
   * @throws as {@link TlsRecord.open}
   */
  openInPlace(record: Uint8Array, header: Uint8Array, iv: Uint8Array): number {
    const size = checkSource(record, this.#cipher);
    if (size === 0) throw new RangeError(`record for ${this.name}: expected at least one block, got 0 bytes`);
    this.#run(COP_DECRYPT, record, size, size, header, iv);
    return this.#auth.len;
  }

  /** Bytes by which a record can be longer than its fragment: the mac and the longest padding. */
  get overhead(): number {
    return this.macSize + this.blockSize;
  }

  #run(op: number, memory: Uint8Array, size: number, written: number, header: Uint8Array, iv: Uint8Array): void {
    const authLen = checkAad(header, `${this.name} records`);
    checkApart(memory, written, header, authLen, `aad for ${this.name} records`);
    checkIv(iv, this.#cipher, false);
    const data = { op, auth: header, authLen, src: memory, len: size, dst: memory, tag: null, iv };
    this.operateOrWipe(this.#auth.prepare(data), size, memory, written);
  }

  protected override end(why: string): void {
    this.#auth.release();
    super.end(why);
  }
}
