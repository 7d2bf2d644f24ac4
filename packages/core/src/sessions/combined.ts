import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_FINAL, COP_FLAG_RESET, COP_FLAG_UPDATE } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCCRYPT } from "../abi/ioctls.ts";
import type { MacAlgorithm } from "../abi/macs.ts";
import type { NamedCipher } from "../algorithms.ts";
import {
  checkApart,
  checkDestination,
  checkIv,
  checkRoom,
  checkSizes,
  checkSource,
  granularityOf,
  isXts,
  requireChunks,
} from "../checks.ts";
import type { Device } from "../device.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { CryptOperation } from "../kernel/operation.ts";
import { copyInto, equalInConstantTime, partOf, wipe } from "../memory/bytes.ts";
import { type CipherAndMac, CipherWithMac } from "./cipher_with_mac.ts";
import { kernelSessionOf } from "./session.ts";

/**
 * A session that encrypts and computes a mac of the plaintext in one pass. {@link Device.combined} starts it.
 *
 * The driver hashes before it encrypts and after it decrypts. This is encrypt-and-mac, for protocols that require it.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const [key, mackey, iv] = [16, 20, 16].map((size) => crypto.getRandomValues(new Uint8Array(size)));
 * const session = device.combined("aes-cbc", key, "hmac-sha1", mackey);
 * const { ciphertext, mac } = session.encrypt(new Uint8Array(64), iv);
 * console.log(session.decrypt(ciphertext, mac, iv).length); // 64
 * device.close();
 * ```
 */
export class CombinedCipher extends CipherWithMac {
  /** The length of the data must be a multiple of this many bytes; 1 if every length is valid. */
  readonly blockSize: number;
  /** Bytes in an iv; 0 if the cipher does not use one. */
  readonly ivSize: number;
  /** Bytes in a mac. */
  readonly macSize: number;
  readonly #cipher: NamedCipher;
  readonly #kernel: KernelSession;
  readonly #operation: CryptOperation;
  readonly #mac: MacAlgorithm;
  readonly #computed: Uint8Array;
  readonly #chunkSize: number;
  #chained = false;

  /** @internal */
  constructor(device: Device, file: DeviceFile, start: CipherAndMac) {
    const { cipher, mac } = start;
    super(device, file, `${cipher.name} with ${mac.name}`, start);
    const { blockSize, ivSize } = cipher.algorithm;
    this.blockSize = blockSize;
    this.ivSize = ivSize;
    this.macSize = mac.digestSize;
    this.#cipher = cipher;
    this.#mac = mac;
    this.#chunkSize = file.options.chunkSize;
    this.#kernel = kernelSessionOf(this);
    const sizes = { name: cipher.name, ivSize, macSize: mac.digestSize };
    this.#operation = new CryptOperation(this.#kernel, sizes, isXts(cipher));
    this.#computed = new Uint8Array(new ArrayBuffer(mac.digestSize));
  }

  /**
   * Encrypts into new memory and computes the mac of the plaintext (CIOCCRYPT).
   *
   * @param source - any number of whole blocks of {@link CombinedCipher.blockSize} bytes
   * @param iv - {@link CombinedCipher.ivSize} bytes; it can be omitted as in {@link Cipher.encrypt}
   * @returns as many bytes of ciphertext as `source` has, and {@link CombinedCipher.macSize} bytes of mac
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if a required iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  encrypt(
    source: Uint8Array,
    iv?: Uint8Array,
  ): {
    /** As many bytes as `source` has. */
    ciphertext: Uint8Array<ArrayBuffer>;
    /** {@link CombinedCipher.macSize} bytes. */
    mac: Uint8Array<ArrayBuffer>;
  } {
    const ciphertext = new Uint8Array(checkSource(source, this.#cipher));
    const mac = new Uint8Array(this.#mac.digestSize);
    this.#into(COP_ENCRYPT, source, ciphertext, mac, iv);
    return { ciphertext, mac };
  }

  /**
   * Encrypts into existing memory and computes the mac of the plaintext.
   *
   * @param destination - at least as many bytes as `source`: either `source` itself or separate memory
   * @param mac - at least {@link CombinedCipher.macSize} bytes, separate from the destination
   * @returns the number of bytes written to `destination`
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if a required iv is missing
   * @throws {RangeError} if an argument has the wrong size, or memory that is written to is too short or overlaps
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  encryptInto(source: Uint8Array, destination: Uint8Array, mac: Uint8Array, iv?: Uint8Array): number {
    checkRoom(mac, this.#mac.digestSize, "mac", this.#mac.name);
    return this.#into(COP_ENCRYPT, source, destination, mac, iv);
  }

  /**
   * Decrypts into new memory, and verifies the mac of the plaintext in constant time.
   *
   * @param mac - the {@link CombinedCipher.macSize} bytes that belong to the ciphertext
   * @returns the plaintext
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if a required iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if the mac does not match, in which case the plaintext is wiped; with other
   * codes if the kernel refuses the operation
   */
  decrypt(source: Uint8Array, mac: Uint8Array, iv?: Uint8Array): Uint8Array<ArrayBuffer> {
    const plaintext = new Uint8Array(checkSource(source, this.#cipher));
    this.#decryptInto(source, plaintext, mac, iv);
    return plaintext;
  }

  /**
   * Decrypts into existing memory, and verifies the mac of the plaintext in constant time.
   *
   * @param destination - at least as many bytes as `source`: either `source` itself or separate memory. If the mac does
   * not match, the plaintext is wiped before the error is thrown
   * @returns the size of the plaintext in bytes
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if a required iv is missing
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or overlaps partly
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBADMSG` if the mac does not match; with other codes if the kernel refuses the
   * operation
   */
  decryptInto(source: Uint8Array, destination: Uint8Array, mac: Uint8Array, iv?: Uint8Array): number {
    return this.#decryptInto(source, destination, mac, iv);
  }

  #decryptInto(source: Uint8Array, destination: Uint8Array, mac: Uint8Array, iv: Uint8Array | undefined): number {
    const { name, digestSize } = this.#mac;
    checkSizes(mac, [digestSize], "mac", name);
    const computed = this.#computed;
    const size = checkSource(source, this.#cipher);
    checkRoom(destination, size, "destination", this.#cipher.name);
    checkApart(destination, size, mac, digestSize, "mac", name);
    // Memory can be the same and not look so: decrypted over, the mac could not be compared any more.
    const given = new Uint8Array(digestSize);
    copyInto(given, mac);
    this.#into(COP_DECRYPT, source, destination, computed, iv);
    const isEqual = equalInConstantTime(computed, given);
    wipe(computed, digestSize);
    if (isEqual) return size;
    wipe(destination, size);
    // The kernel's iv is now a block of the forged data.
    this.#chained = false;
    throw this.#kernel.file.refusal(
      errnos.EBADMSG,
      CIOCCRYPT.name,
      `the ${name} of the plaintext does not match: the ciphertext, the mac, the iv or a key is wrong`,
    );
  }

  #into(op: number, source: Uint8Array, destination: Uint8Array, mac: Uint8Array, iv: Uint8Array | undefined): number {
    this.#kernel.requireIdle();
    const size = checkSource(source, this.#cipher);
    checkDestination(destination, size, source, size, this.#cipher.name);
    checkApart(destination, size, mac, this.#mac.digestSize, "mac", this.#mac.name);
    checkIv(iv, this.#cipher, this.#chained);
    if (size > this.#chunkSize) requireChunks(this.#cipher, `${size} bytes`);
    this.#chained = false;
    try {
      this.#send(op, source, size, destination, mac, iv ?? null);
    } catch (error) {
      // Wipe unverified plaintext. Keep ciphertext: it is not secret, and after in-place work it may be the only copy.
      // A RangeError is thrown before anything is sent.
      if (op === COP_DECRYPT && !(error instanceof RangeError)) wipe(destination, size);
      throw error;
    }
    this.#chained = size % granularityOf(this.#cipher) === 0;
    return size;
  }

  /** Sends data in as many calls as necessary, with one mac over all of it. */
  #send(
    op: number,
    source: Uint8Array,
    size: number,
    destination: Uint8Array,
    mac: Uint8Array,
    iv: Uint8Array | null,
  ): void {
    const most = this.#chunkSize;
    if (size <= most) {
      this.#operation.run(op, 0, source, size, destination, iv, mac);
      return;
    }
    for (let done = 0; done < size; done += most) {
      const end = Math.min(done + most, size);
      const flags = done === 0 ? COP_FLAG_RESET | COP_FLAG_UPDATE : end < size ? COP_FLAG_UPDATE : COP_FLAG_FINAL;
      const [from, to] = [partOf(source, done, end), partOf(destination, done, end)];
      const start = done === 0 ? iv : null;
      this.#operation.run(op, flags, from, end - done, to, start, end < size ? null : mac);
    }
  }
}
