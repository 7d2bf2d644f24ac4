import type { Ioctl } from "./abi/ioctl.ts";
import {
  type AeadName,
  type CipherName,
  findAead,
  findCipher,
  findHash,
  findHmac,
  findKeyedMac,
  findMac,
  findSrtpCipher,
  findTlsCipher,
  type HashName,
  type HmacName,
  type KeyedMacName,
  type MacName,
  type SrtpCipherName,
  type TlsCipherName,
  type Written,
} from "./algorithms.ts";
import { type Capability, type CapabilityOptions, capabilitiesOf } from "./capabilities.ts";
import type { Host } from "./host.ts";
import { DeviceFile, type DeviceOptions } from "./kernel/device_file.ts";
import { Submitter } from "./kernel/submitter.ts";
import { alignedMemory, CACHE_LINE } from "./memory/aligned.ts";
import { Aead, type AeadOptions } from "./sessions/aead.ts";
import { Cipher } from "./sessions/cipher.ts";
import { CombinedCipher } from "./sessions/combined.ts";
import { Hash } from "./sessions/hash.ts";
import { type SrtpOptions, SrtpPacket } from "./sessions/srtp.ts";
import { TlsRecord } from "./sessions/tls.ts";
import { inWords } from "./words.ts";

const dropped = new FinalizationRegistry<DeviceFile>((file) => {
  try {
    file.close();
  } catch {
    // Nobody is left whom an error could reach.
  }
  file.warn(`a device (${file.path}) was dropped without close(); its descriptor was held until now`);
});

/**
 * An open `/dev/crypto`: where sessions start.
 *
 * A device and its sessions belong to the thread that opened it. For work in parallel, open one in each thread: the
 * driver lets the operations of one open device wait for each other.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * console.log(device.backend); // kernel, or software
 * device.close();
 * ```
 */
export class Device {
  /** The path that was opened. */
  readonly path: string;
  /** What answers: the kernel's driver, or the software device. */
  readonly backend: Host["backend"];
  readonly #file: DeviceFile;

  private constructor(file: DeviceFile) {
    this.#file = file;
    this.path = file.path;
    this.backend = file.host.backend;
    dropped.register(this, file, file);
  }

  /**
   * Opens the device through a host: `open(2)` for reading and writing, closed on exec.
   *
   * The package `cryptodev` chooses the host; this is for those who bring their own.
   *
   * @throws `CryptodevError` where the kernel refuses, with what to do about it; `UnsupportedError` where the host lacks
   * libc or the foreign function interface; `TypeError` for a path that is no string or holds a zero character
   * @example
   * ```ts
   * import { Device } from "@cryptodev/core";
   * import { SoftwareHost } from "@cryptodev/soft";
   *
   * const device = Device.open(new SoftwareHost());
   * device.close();
   * ```
   */
  static open(host: Host, path: string = "/dev/crypto", options: DeviceOptions = {}): Device {
    if (typeof path !== "string" || path.includes("\0")) {
      throw new TypeError(`path of the device: expected a string without zero characters, got ${inWords(path)}`);
    }
    return new Device(DeviceFile.open(host, path, options));
  }

  /** Whether {@link Device.close} was called. */
  get closed(): boolean {
    return this.#file.closed;
  }

  /**
   * Starts a session that encrypts and decrypts (CIOCGSESSION).
   *
   * @param key - as many bytes as the cipher's name asks for. It is read in place, and not kept
   * @throws `RangeError` for an unknown name or a wrong size; `TypeError` for what is no Uint8Array; `CryptodevError` with
   * `EINVAL` where this kernel lacks the algorithm, or `ENODEV` where only software has it and hardware is required;
   * `ClosedError` once the device is closed
   */
  cipher(name: Written<CipherName>, key: Uint8Array): Cipher {
    return new Cipher(this, this.#file, findCipher(name), key);
  }

  /**
   * Starts a session that hashes.
   *
   * @throws as {@link Device.cipher}
   */
  hash(name: Written<HashName>): Hash {
    return new Hash(this, this.#file, findHash(name));
  }

  /**
   * Starts a session that computes an HMAC (RFC 2104).
   *
   * @param key - 0 to 512 bytes. It is read in place, and not kept
   * @throws as {@link Device.cipher}
   */
  hmac(name: Written<HmacName | KeyedMacName>, key: Uint8Array): Hash {
    return new Hash(this, this.#file, findHmac(name), key);
  }

  /**
   * Starts a session that encrypts, and computes a mac of the plaintext, in one pass.
   *
   * @param mackey - the key of an `hmac-` mac, 0 to 512 bytes; left out for a plain hash
   * @throws as {@link Device.cipher}
   */
  combined(cipher: Written<CipherName>, key: Uint8Array, mac: Written<MacName>, mackey?: Uint8Array): CombinedCipher {
    const start = { cipher: findCipher(cipher), key, mac: findMac(mac), mackey };
    return new CombinedCipher(this, this.#file, start);
  }

  /**
   * Starts a session that encrypts and authenticates: AES-GCM or AES-CCM.
   *
   * @param key - 16, 24 or 32 bytes. It is read in place, and not kept
   * @throws as {@link Device.cipher}
   */
  aead(name: Written<AeadName>, key: Uint8Array, options?: AeadOptions): Aead {
    return new Aead(this, this.#file, findAead(name), key, options);
  }

  /**
   * Starts a session for the records of TLS with a block cipher (RFC 5246).
   *
   * @param mackey - 0 to 512 bytes. Keys are read in place, and not kept
   * @throws as {@link Device.cipher}
   */
  tls(
    cipher: Written<TlsCipherName>,
    key: Uint8Array,
    mac: Written<KeyedMacName | HmacName>,
    mackey: Uint8Array,
  ): TlsRecord {
    const start = { cipher: findTlsCipher(cipher), key, mac: findKeyedMac(mac), mackey };
    return new TlsRecord(this, this.#file, start);
  }

  /**
   * Starts a session for SRTP packets (RFC 3711).
   *
   * @param mackey - 0 to 512 bytes. Keys are read in place, and not kept
   * @throws as {@link Device.cipher}
   */
  srtp(
    cipher: Written<SrtpCipherName>,
    key: Uint8Array,
    mac: Written<KeyedMacName | HmacName>,
    mackey: Uint8Array,
    options?: SrtpOptions,
  ): SrtpPacket {
    const start = { cipher: findSrtpCipher(cipher), key, mac: findKeyedMac(mac), mackey };
    return new SrtpPacket(this, this.#file, start, options);
  }

  /**
   * Tries every algorithm, and tells which work here and by which driver: plain data, in the order of the names.
   *
   * Each is tried with a session that is ended at once. Where the device was opened with `hardware: "require"`, what is
   * done in software is not available.
   *
   * @throws `CryptodevError` where the kernel refuses for any other reason than that it lacks an algorithm; `ClosedError`
   * once the device is closed
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const gcm = device.capabilities().find(({ name }) => name === "aes-gcm");
   * console.log(gcm?.available, gcm?.hardware);
   * device.close();
   * ```
   */
  capabilities(options?: CapabilityOptions): Capability[] {
    return capabilitiesOf(this, options);
  }

  /**
   * Whether the driver answers an ioctl. To a 32-bit process on a 64-bit kernel it does not answer `CIOCAUTHCRYPT`, which
   * carries the operations of AEADs and of TLS and SRTP records, and `CIOCCPHASH`, which copies hashes: their sessions
   * start, and the operations fail with `EINVAL`. It is asked once; everywhere else both are known to be answered.
   *
   * @param ioctl - `CIOCAUTHCRYPT` or `CIOCCPHASH`; of others the result is true
   * @throws `ClosedError` once the device is closed
   * @example
   * ```ts
   * import { CIOCCPHASH, open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const sha = device.hash("sha256").update(new Uint8Array(3));
   * console.log(device.answers(CIOCCPHASH) ? sha.copy().digest().length : 0);
   * device.close();
   * ```
   */
  answers(ioctl: Ioctl): boolean {
    return this.#file.answers(ioctl);
  }

  /**
   * Gives the way to submit operations that the driver carries out by itself; `undefined` where it was built without
   * ENABLE_ASYNC, as it usually is. `openAsync` of the package `cryptodev` works everywhere, and uses this where it is.
   *
   * @param wait - resolves after a while, for example after a timer: the driver is asked then whether something is finished
   * @throws `ClosedError` once the device is closed
   * @example
   * ```ts
   * import { Device } from "@cryptodev/core";
   * import { SoftwareHost } from "@cryptodev/soft";
   *
   * const device = Device.open(new SoftwareHost({ async: true }));
   * const submitter = device.submitter(() => new Promise((resolve) => setTimeout(resolve, 1)));
   * const digest = await device.hash("sha1").digestAsync(submitter, new Uint8Array(3));
   * console.log(digest.length); // 20
   * device.close();
   * ```
   */
  submitter(wait: () => Promise<void>): Submitter | undefined {
    return Submitter.of(this.#file, wait);
  }

  /**
   * Gives memory that drivers work on without copying it first: its address is a multiple of `alignmask + 1`.
   *
   * @param size - bytes
   * @param alignmask - that of {@link Session.info}, one less than a power of two; 63 if left out, which does for every
   * driver that we know
   * @throws `RangeError` for a size or a mask that is none
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * console.log(device.allocate(4096).length); // 4096
   * device.close();
   * ```
   */
  allocate(size: number, alignmask: number = CACHE_LINE): Uint8Array<ArrayBuffer> {
    if (!Number.isInteger(size) || size < 0)
      throw new RangeError(`size: expected a number of bytes, got ${inWords(size)}`);
    if (!Number.isInteger(alignmask) || alignmask < 0 || (alignmask & (alignmask + 1)) !== 0) {
      throw new RangeError(`alignmask: expected one less than a power of two, got ${inWords(alignmask)}`);
    }
    return alignedMemory(this.#file.host, size, alignmask);
  }

  /**
   * Clones the descriptor (CRIOGET): a second device of the same open file, closed on exec as this one is. Ending either
   * leaves the other open. Where the device cannot clone it, as one that another process serves, both use the same one.
   *
   * @throws `CryptodevError` where no descriptor is left; `ClosedError` once the device is closed
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const clone = device.clone();
   * device.close();
   * console.log(clone.closed); // false
   * clone.close();
   * ```
   */
  clone(): Device {
    return new Device(this.#file.clone());
  }

  /**
   * Ends the sessions that were started on this device, then closes it (`close(2)`). Closing again does nothing.
   *
   * @throws `CryptodevError` where the kernel refuses; the device is closed all the same
   */
  close(): void {
    this.#file.close();
    dropped.unregister(this.#file);
  }

  /** The same as {@link Device.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
