import { COP_DECRYPT, COP_ENCRYPT } from "./abi/constants.ts";
import type { NamedCipher } from "./algorithms.ts";
import { checkDestination, checkIv, checkKey, checkSource } from "./checks.ts";
import { Crypt } from "./crypt.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Device } from "./device.ts";
import { Session } from "./session.ts";

/**
 * A session that encrypts and decrypts with one key. {@link Device.cipher} starts it.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const aes = device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(32)));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const ciphertext = aes.encrypt(new TextEncoder().encode("sixteen bytes ok"), iv);
 * console.log(new TextDecoder().decode(aes.decrypt(ciphertext, iv))); // sixteen bytes ok
 * device.close();
 * ```
 */
export class Cipher extends Session {
  /** The cipher's name, as it was asked for. */
  readonly name: string;
  /** The length of the data is a multiple of this many bytes; 1 where any length will do. */
  readonly blockSize: number;
  /** Bytes in an iv; 0 for a cipher without one. */
  readonly ivSize: number;
  readonly #cipher: NamedCipher;
  readonly #crypt: Crypt;
  #chained = false;

  /** @internal */
  constructor(device: Device, descriptor: Descriptor, cipher: NamedCipher, key: Uint8Array) {
    checkKey(key, cipher);
    const { id, kernelName, blockSize, ivSize } = cipher.algorithm;
    super(device, descriptor, cipher.name, `${kernelName}`, { cipher: id, key });
    this.name = cipher.name;
    this.blockSize = blockSize;
    this.ivSize = ivSize;
    this.#cipher = cipher;
    this.#crypt = new Crypt(descriptor.host, this.id);
  }

  /**
   * Encrypts into new memory (CIOCCRYPT).
   *
   * @param source - whole blocks of {@link Cipher.blockSize} bytes, at most 2 GiB - 1; there is no padding
   * @param iv - {@link Cipher.ivSize} bytes. Left out, the operation goes on where the last one of this session ended, as
   * if both had been one; the first operation needs an iv, and so does each one of XTS
   * @returns as many bytes as `source` has
   * @throws `TypeError` for what is no Uint8Array or is detached; `RangeError` for a wrong size; `ClosedError` after the
   * session's end; `CryptodevError` where the kernel refuses
   */
  encrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_ENCRYPT, source, iv);
  }

  /** Decrypts into new memory. All else is as in {@link Cipher.encrypt}. */
  decrypt(source: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#fresh(COP_DECRYPT, source, iv);
  }

  /**
   * Encrypts into given memory, and allocates nothing.
   *
   * @param destination - at least as many bytes as `source`: `source` itself, to work in place, or memory apart from it
   * @returns the number of bytes written
   * @throws as {@link Cipher.encrypt}; `RangeError` for a destination that is too short or overlaps the source partly
   */
  encryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_ENCRYPT, source, destination, iv);
  }

  /** Decrypts into given memory. All else is as in {@link Cipher.encryptInto}. */
  decryptInto(source: Uint8Array, destination: Uint8Array, iv?: Uint8Array): number {
    return this.#into(COP_DECRYPT, source, destination, iv);
  }

  #fresh(op: number, source: Uint8Array, iv: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
    const destination = new Uint8Array(checkSource(source, this.#cipher));
    this.#into(op, source, destination, iv);
    return destination;
  }

  #into(op: number, source: Uint8Array, destination: Uint8Array, iv: Uint8Array | undefined): number {
    const size = checkSource(source, this.#cipher);
    checkDestination(destination, source, size, this.#cipher);
    checkIv(iv, this.#cipher, this.#chained);
    // A refused operation may have moved the kernel's iv or not: the next one has to bring its own.
    this.#chained = false;
    this.send(this.#crypt.prepare(op, 0, size, source, destination, null, iv ?? null));
    this.#chained = true;
    return size;
  }

  protected override end(why: string): void {
    this.#crypt.release();
    super.end(why);
  }
}
