import { COP_DECRYPT, COP_ENCRYPT, COP_FLAG_FINAL, COP_FLAG_RESET, COP_FLAG_UPDATE } from "../abi/constants.ts";
import type { CipherName, MacName, NamedCipher, NamedMac, Written } from "../algorithms/catalogue.ts";
import {
  checkApart,
  checkDestination,
  checkIv,
  checkRoom,
  checkSizes,
  checkSource,
  isXts,
  refuseShared,
  requireDivisible,
} from "../checks.ts";
import { AuthenticationError } from "../errors.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { CryptOperation } from "../kernel/operation.ts";
import { copyInto, equalInConstantTime, partOf, wipe } from "../memory/bytes.ts";
import { own } from "../options.ts";
import { Session } from "./session.ts";
import { type CipherAndMac, startWithMac } from "./start.ts";

/** The algorithms and keys of {@link Device.cipherWithMac}. Keys are read once and not kept. */
export interface CipherWithMacStart {
  /** The cipher. */
  readonly cipher: Written<CipherName>;
  /** The cipher's key, of one of its sizes. */
  readonly key: Uint8Array;
  /** The mac: a plain hash such as `sha1`, or a keyed one such as `hmac-sha1`. */
  readonly mac: Written<MacName>;
  /** The mac's key, 0 to 512 bytes; omitted for a plain hash. */
  readonly macKey?: Uint8Array | undefined;
}

/** The mac and the iv of a message. */
export interface CipherWithMacMessage {
  /** {@link CipherWithMac.macSize} bytes: the mac to verify, or where it is written. */
  readonly mac: Uint8Array;
  /** {@link CipherWithMac.ivSize} bytes; omitted if the cipher does not use one. */
  readonly iv?: Uint8Array | undefined;
}

/**
 * A session that encrypts and computes a mac of the plaintext in one pass. {@link Device.cipherWithMac} starts it.
 *
 * The driver hashes before it encrypts and after it decrypts. This is encrypt-and-mac, for protocols that require it.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const key = crypto.getRandomValues(new Uint8Array(16));
 * const macKey = crypto.getRandomValues(new Uint8Array(20));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const session = device.cipherWithMac({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey });
 * const { ciphertext, mac } = session.encrypt(new Uint8Array(64), { iv });
 * console.log(session.decrypt(ciphertext, { mac, iv }).length); // 64
 * device.close();
 * ```
 */
export class CipherWithMac extends Session {
  readonly #cipher: NamedCipher<CipherName>;
  readonly #mac: NamedMac<MacName>;
  readonly #kernel: KernelSession;
  readonly #operation: CryptOperation;
  readonly #computed: Uint8Array;
  readonly #chunkSize: number;

  /** @internal */
  constructor(file: DeviceFile, start: CipherAndMac) {
    const { cipher, mac } = start;
    const kernel = startWithMac(file, "", start);
    super(kernel);
    this.#cipher = cipher;
    this.#mac = mac;
    this.#kernel = kernel;
    this.#chunkSize = file.options.chunkSize;
    const sizes = { name: cipher.name, ivSize: cipher.algorithm.ivSize, macSize: mac.digestSize };
    this.#operation = new CryptOperation(kernel, sizes, isXts(cipher));
    this.#computed = new Uint8Array(new ArrayBuffer(mac.digestSize));
  }

  /** The cipher's name, as it was requested, in this library's form. */
  get name(): CipherName {
    return this.#cipher.name;
  }

  /** The mac's name. */
  get mac(): MacName {
    return this.#mac.name;
  }

  /** The length of the data must be a multiple of this many bytes; 1 if every length is valid. */
  get blockSize(): number {
    return this.#cipher.algorithm.blockSize;
  }

  /** Bytes in an iv; 0 if the cipher does not use one. */
  get ivSize(): number {
    return this.#cipher.algorithm.ivSize;
  }

  /** Bytes in a mac. */
  get macSize(): number {
    return this.#mac.digestSize;
  }

  /**
   * Encrypts into new memory and computes the mac of the plaintext (CIOCCRYPT).
   *
   * @param plaintext - any number of whole blocks of {@link CipherWithMac.blockSize} bytes
   * @param message - `iv` has {@link CipherWithMac.ivSize} bytes; omitted if the cipher does not use one
   * @returns as many bytes of ciphertext as `plaintext` has, and {@link CipherWithMac.macSize} bytes of mac
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  encrypt(
    plaintext: Uint8Array,
    message?: Pick<CipherWithMacMessage, "iv">,
  ): {
    /** As many bytes as the plaintext has. */
    ciphertext: Uint8Array<ArrayBuffer>;
    /** {@link CipherWithMac.macSize} bytes. */
    mac: Uint8Array<ArrayBuffer>;
  } {
    const iv = own(message, "iv", this.#cipher.name);
    const ciphertext = new Uint8Array(checkSource(plaintext, this.#cipher));
    this.#into(COP_ENCRYPT, plaintext, ciphertext, this.#computed, iv);
    return { ciphertext, mac: new Uint8Array(this.#computed) };
  }

  /**
   * Encrypts into existing memory and computes the mac of the plaintext.
   *
   * @param destination - at least as many bytes as `plaintext`: either `plaintext` itself or separate memory
   * @param message - `mac` is where the mac is written: at least {@link CipherWithMac.macSize} bytes, separate from the
   * destination. `iv` as for {@link CipherWithMac.encrypt}
   * @returns the number of bytes written to `destination`
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv is missing
   * @throws {RangeError} if an argument has the wrong size, or memory that is written to is too short or overlaps
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  encryptInto(plaintext: Uint8Array, destination: Uint8Array, message: CipherWithMacMessage): number {
    const { mac, iv } = this.#partsOf(message);
    checkRoom(mac, this.#mac.digestSize, "mac", this.#mac.name);
    return this.#into(COP_ENCRYPT, plaintext, destination, mac, iv);
  }

  /**
   * Decrypts into new memory, and verifies the mac of the plaintext in constant time.
   *
   * @param message - `mac` is the mac that belongs to the ciphertext, {@link CipherWithMac.macSize} bytes. `iv` as for
   * {@link CipherWithMac.encrypt}
   * @returns the plaintext
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv or the mac is missing
   * @throws {RangeError} if an argument has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if the mac does not match; the plaintext is wiped
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  decrypt(ciphertext: Uint8Array, message: CipherWithMacMessage): Uint8Array<ArrayBuffer> {
    const { mac, iv } = this.#partsOf(message);
    const plaintext = new Uint8Array(checkSource(ciphertext, this.#cipher));
    this.#decryptInto(ciphertext, plaintext, mac, iv);
    return plaintext;
  }

  /**
   * Decrypts into existing memory, and verifies the mac of the plaintext in constant time.
   *
   * @param destination - at least as many bytes as `ciphertext`: either `ciphertext` itself or separate memory. If the
   * mac does not match, the plaintext is wiped before the error is thrown
   * @param message - as for {@link CipherWithMac.decrypt}
   * @returns the size of the plaintext in bytes
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached; if the iv or the mac is missing
   * @throws {RangeError} if an argument has the wrong size, or the destination is too short or overlaps partly
   * @throws {ClosedError} if the session has ended
   * @throws {AuthenticationError} if the mac does not match
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  decryptInto(ciphertext: Uint8Array, destination: Uint8Array, message: CipherWithMacMessage): number {
    const { mac, iv } = this.#partsOf(message);
    return this.#decryptInto(ciphertext, destination, mac, iv);
  }

  /** Reads the mac and the iv of a message. Getters of the program run here, so nothing is measured before this. */
  #partsOf(message: CipherWithMacMessage): {
    readonly mac: Uint8Array;
    readonly iv: Uint8Array | undefined;
  } {
    const { name } = this.#cipher;
    return { mac: own(message, "mac", name) as Uint8Array, iv: own(message, "iv", name) };
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
    throw new AuthenticationError();
  }

  #into(op: number, source: Uint8Array, destination: Uint8Array, mac: Uint8Array, iv: Uint8Array | undefined): number {
    this.#kernel.requireOpen();
    const size = checkSource(source, this.#cipher);
    checkDestination(destination, size, source, size, this.#cipher.name);
    const { name, digestSize } = this.#mac;
    // Nothing of the program's shares our own memory, whose address is not worth looking up.
    const isOwn = mac === this.#computed;
    if (!isOwn && this.#operation.shareMemory(destination, size, mac, digestSize)) refuseShared("mac", name);
    checkIv(iv, this.#cipher);
    requireDivisible(this.#cipher, size, this.#chunkSize);
    try {
      this.#send(op, source, size, destination, mac, iv ?? null);
    } catch (error) {
      // Wipe unverified plaintext. Keep ciphertext: it is not secret, and after in-place work it may be the only copy.
      // A RangeError is thrown before anything is sent.
      if (op === COP_DECRYPT && !(error instanceof RangeError)) wipe(destination, size);
      throw error;
    }
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
    this.#operation.checkWhole(source, size, destination);
    for (let done = 0; done < size; done += most) {
      const end = Math.min(done + most, size);
      // The driver keeps its hash between calls: RESET starts it, FINAL returns the mac.
      const flags = done === 0 ? COP_FLAG_RESET | COP_FLAG_UPDATE : end < size ? COP_FLAG_UPDATE : COP_FLAG_FINAL;
      const [from, to] = [partOf(source, done, end), partOf(destination, done, end)];
      const start = done === 0 ? iv : null;
      this.#operation.run(op, flags, from, end - done, to, start, end < size ? null : mac);
    }
  }
}
