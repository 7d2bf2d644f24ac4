import type { Ioctl } from "./abi/ioctl.ts";
import {
  type AeadName,
  type CipherName,
  type CipherNameOf,
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
  type Written,
  type XtsName,
} from "./algorithms/catalogue.ts";
import { Submitter } from "./async/submitter.ts";
import { type Capability, type CapabilityOptions, capabilitiesOf } from "./capabilities.ts";
import type { Host } from "./host/host.ts";
import { DeviceFile, type DeviceOptions } from "./kernel/device_file.ts";
import { alignedMemory, CACHE_LINE } from "./memory/aligned.ts";
import { own } from "./options.ts";
import { Aead, type AeadOptions } from "./sessions/aead.ts";
import { Cipher } from "./sessions/cipher.ts";
import { CipherWithMac, type CipherWithMacStart } from "./sessions/cipher_with_mac.ts";
import { Hash, Hmac } from "./sessions/hash.ts";
import type { Session } from "./sessions/session.ts";
import { SrtpCipher, type SrtpStart } from "./sessions/srtp.ts";
import { TlsCipher, type TlsStart } from "./sessions/tls.ts";
import { inWords } from "./words.ts";

/** Reads the algorithms and keys of a session, each once. */
function partsOf<Start extends CipherWithMacStart | TlsStart | SrtpStart>(
  start: Start,
  method: string,
): Pick<Start, "cipher" | "key" | "mac" | "macKey"> {
  const part = <Name extends keyof Start>(name: Name): Start[Name] => own(start, name, method) as Start[Name];
  return { cipher: part("cipher"), key: part("key"), mac: part("mac"), macKey: part("macKey") };
}

const abandoned = new FinalizationRegistry<DeviceFile>((file) => {
  try {
    file.close();
  } catch {
    // An error would not reach anybody.
  }
  file.warn(`a device (${file.path}) was dropped without close(); its descriptor was held until now`);
});

/** The largest alignmask that the driver can report: the member of `session_info_op` has 16 bits. */
const MAX_ALIGNMASK = 0xffff;

/** Where a device is. */
export interface DevicePath {
  /** The device's path. Defaults to `/dev/crypto`. */
  readonly path?: string | undefined;
}

/** A cipher session as {@link Device.cipher} returns it: XTS, which works on whole sectors, does not have chunks. */
export type CipherOf<Name extends CipherName> = [Name] extends [XtsName]
  ? Session & Omit<Cipher<Name>, "encryptor" | "decryptor">
  : Cipher<Name>;

/**
 * An open `/dev/crypto`, which starts sessions.
 *
 * A device and its sessions belong to the thread that opened it. The driver serialises the operations on one open
 * device; to work in parallel, open one in each thread.
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
  /** The backend: the kernel's driver, or the software device. */
  readonly backend: Host["backend"];
  readonly #file: DeviceFile;

  private constructor(file: DeviceFile) {
    this.#file = file;
    this.path = file.path;
    this.backend = file.host.backend;
    abandoned.register(this, file, file);
    file.belongTo(this);
  }

  /**
   * Opens the device through a host: `open(2)` for reading and writing, close-on-exec.
   *
   * The package `cryptodev` selects the host; call this to use a host of your own.
   *
   * @returns the open device
   * @throws {CryptodevError} if the kernel refuses; its hint says what to do about it
   * @throws {UnsupportedError} if the host does not have libc or a foreign function interface
   * @throws {TypeError} if the path is not a string, or contains a zero character
   * @throws {RangeError} if an option is invalid
   * @example
   * ```ts
   * import { Device } from "cryptodev";
   * import { SoftwareHost } from "cryptodev/soft";
   *
   * const device = Device.open(new SoftwareHost());
   * device.close();
   * ```
   */
  static open(host: Host, options: DevicePath & DeviceOptions = {}): Device {
    const given: unknown = own(options, "path", "device");
    const path = given === undefined ? "/dev/crypto" : given;
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
   * @param key - as many bytes as the cipher requires. It is read once and not kept
   * @returns the session
   * @throws {RangeError} if the name is unknown, or the key does not have one of the cipher's sizes
   * @throws {TypeError} if the key is not a Uint8Array
   * @throws {CryptodevError} with `EINVAL` if the kernel does not have the algorithm
   * @throws {HardwareRequiredError} if only software implements it and hardware is required
   * @throws {ClosedError} if the device is closed
   */
  cipher<Name extends Written<CipherName>>(name: Name, key: Uint8Array): CipherOf<CipherNameOf<Name>> {
    const cipher: unknown = Cipher.start(this.#file, findCipher(name), key);
    return cipher as CipherOf<CipherNameOf<Name>>;
  }

  /**
   * Starts a session that hashes.
   *
   * @returns the session
   * @throws {RangeError} if the name is unknown
   * @throws {CryptodevError} with `EINVAL` if the kernel does not have the algorithm
   * @throws {HardwareRequiredError} if only software implements it and hardware is required
   * @throws {ClosedError} if the device is closed
   */
  hash(name: Written<HashName>): Hash {
    return Hash.start(this.#file, findHash(name));
  }

  /**
   * Starts a session that computes an HMAC (RFC 2104).
   *
   * @param key - 0 to 512 bytes. It is read once and not kept
   * @returns the session
   * @throws {RangeError} if the name is unknown, or the key is longer than 512 bytes
   * @throws {TypeError} if the key is not a Uint8Array
   * @throws {CryptodevError} with `EINVAL` if the kernel does not have the algorithm
   * @throws {HardwareRequiredError} if only software implements it and hardware is required
   * @throws {ClosedError} if the device is closed
   */
  hmac(name: Written<HmacName | KeyedMacName>, key: Uint8Array): Hmac {
    return Hmac.start(this.#file, findHmac(name), key);
  }

  /**
   * Starts a session that encrypts and computes a mac of the plaintext in one pass.
   *
   * @returns the session
   * @throws {RangeError} if a name is unknown, or a key has the wrong size
   * @throws {TypeError} if a key is not a Uint8Array, or is given for a plain hash
   * @throws {CryptodevError} with `EINVAL` if the kernel does not have the algorithms
   * @throws {HardwareRequiredError} if only software implements them and hardware is required
   * @throws {ClosedError} if the device is closed
   */
  cipherWithMac(start: CipherWithMacStart): CipherWithMac {
    const { cipher, key, mac, macKey } = partsOf(start, "cipherWithMac");
    return new CipherWithMac(this.#file, { cipher: findCipher(cipher), key, mac: findMac(mac), macKey });
  }

  /**
   * Starts a session that encrypts and authenticates: AES-GCM or AES-CCM.
   *
   * @param key - 16, 24 or 32 bytes. It is read once and not kept
   * @returns the session
   * @throws {RangeError} if the name is unknown, or the key or the tag has the wrong size
   * @throws {TypeError} if the key is not a Uint8Array
   * @throws {CryptodevError} with `EINVAL` if the kernel does not have the algorithm
   * @throws {HardwareRequiredError} if only software implements it and hardware is required
   * @throws {ClosedError} if the device is closed
   */
  aead(name: Written<AeadName>, key: Uint8Array, options?: AeadOptions): Aead {
    return Aead.start(this.#file, findAead(name), key, options);
  }

  /**
   * Starts a session for the records of TLS with a block cipher (RFC 5246).
   *
   * @returns the session
   * @throws {RangeError} if a name is unknown, or a key has the wrong size
   * @throws {TypeError} if a key is not a Uint8Array
   * @throws {CryptodevError} with `EINVAL` if the kernel does not have the algorithms
   * @throws {HardwareRequiredError} if only software implements them and hardware is required
   * @throws {ClosedError} if the device is closed
   */
  tls(start: TlsStart): TlsCipher {
    const { cipher, key, mac, macKey } = partsOf(start, "tls");
    return new TlsCipher(this.#file, { cipher: findTlsCipher(cipher), key, mac: findKeyedMac(mac), macKey });
  }

  /**
   * Starts a session for SRTP packets (RFC 3711).
   *
   * @returns the session
   * @throws {RangeError} if a name is unknown, or a key or the tag has the wrong size
   * @throws {TypeError} if a key is not a Uint8Array
   * @throws {CryptodevError} with `EINVAL` if the kernel does not have the algorithms
   * @throws {HardwareRequiredError} if only software implements them and hardware is required
   * @throws {ClosedError} if the device is closed
   */
  srtp(start: SrtpStart): SrtpCipher {
    const { cipher, key, mac, macKey } = partsOf(start, "srtp");
    const algorithms = { cipher: findSrtpCipher(cipher), key, mac: findKeyedMac(mac), macKey };
    return new SrtpCipher(this.#file, algorithms, own(start, "tagSize", "srtp"));
  }

  /**
   * Tries every algorithm and reports which ones work and which driver serves them.
   *
   * Each algorithm is tried with a session that ends at once. If the device was opened with `hardware: "require"`,
   * algorithms that only software implements are not available.
   *
   * @returns plain data, ordered by name
   * @throws {CryptodevError} if the kernel refuses for any reason other than a missing algorithm
   * @throws {ClosedError} if the device is closed
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const gcm = device.capabilities().find(({ name }) => name === "aes-gcm");
   * console.log(gcm?.available && gcm.driver);
   * device.close();
   * ```
   */
  capabilities(options?: CapabilityOptions): Capability[] {
    return capabilitiesOf(this.#file, options);
  }

  /**
   * Asks whether the driver supports an ioctl.
   *
   * For a 32-bit process, the driver of a 64-bit kernel does not support `CIOCAUTHCRYPT`, which runs the operations of
   * AEADs and of TLS and SRTP records, and `CIOCCPHASH`, which copies hashes: such sessions start, but their operations
   * fail with `EINVAL`. The driver is asked once; everywhere else it is known to support both.
   *
   * @param ioctl - `CIOCAUTHCRYPT` or `CIOCCPHASH`
   * @returns whether it does; `true` for any other ioctl
   * @throws {ClosedError} if the device is closed
   * @example
   * ```ts
   * import { open } from "cryptodev";
   * import { CIOCCPHASH } from "cryptodev/abi";
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
   * Returns an object that starts sessions whose operations the driver runs asynchronously. `openAsync` of the package
   * `cryptodev` works with every driver, and uses this if it is available.
   *
   * @param wait - resolves after a delay, for example after a timer; then the driver is asked for finished operations.
   * If it fails, this thread waits for the driver
   * @returns `undefined` if the driver was built without ENABLE_ASYNC, as it usually is
   * @throws {TypeError} if `wait` is not a function
   * @throws {ClosedError} if the device is closed
   * @example
   * ```ts
   * import { Device } from "cryptodev";
   * import { SoftwareHost } from "cryptodev/soft";
   *
   * const device = Device.open(new SoftwareHost({ async: true }));
   * const submitter = device.submitter(() => new Promise((resolve) => setTimeout(resolve, 1)));
   * const digest = await submitter?.hash("sha1").digest(new Uint8Array(3));
   * console.log(digest?.length); // 20
   * device.close();
   * ```
   */
  submitter(wait: () => Promise<void>): Submitter | undefined {
    if (typeof wait !== "function") throw new TypeError(`wait: expected a function, got ${inWords(wait)}`);
    return Submitter.of(this.#file, wait);
  }

  /**
   * Allocates memory that drivers use without copying it first: its address is a multiple of `alignmask + 1`.
   *
   * @param size - bytes
   * @param alignmask - as {@link Session.info} returns it, one less than a power of two. Defaults to 63, enough for all
   * known drivers
   * @returns the memory, filled with zeros
   * @throws {RangeError} if `size` or `alignmask` is invalid
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
    if (
      !Number.isInteger(alignmask) ||
      alignmask < 0 ||
      alignmask > MAX_ALIGNMASK ||
      (alignmask & (alignmask + 1)) !== 0
    ) {
      throw new RangeError(
        `alignmask: expected one less than a power of two, at most ${MAX_ALIGNMASK}, got ${inWords(alignmask)}`,
      );
    }
    return alignedMemory(this.#file.host, size, alignmask);
  }

  /**
   * Clones the descriptor (CRIOGET): returns a second device for the same open file, also close-on-exec. Closing one
   * leaves the other open. If the device does not support this, as one that another process serves, both share one
   * descriptor.
   *
   * @returns the clone
   * @throws {CryptodevError} if the process has no free descriptor
   * @throws {ClosedError} if the device is closed
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
   * Ends the sessions that were started on this device, then closes it (`close(2)`). Closing it again does nothing.
   *
   * @throws {BusyError} if the device is in use; it stays open
   * @throws {CryptodevError} if `close(2)` failed; it is closed anyway
   */
  close(): void {
    this.#file.close();
    abandoned.unregister(this.#file);
  }

  /** Calls {@link Device.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
