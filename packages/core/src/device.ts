import {
  type CipherName,
  findCipher,
  findHash,
  findHmac,
  findMac,
  type HashName,
  type HmacName,
  type MacName,
} from "./algorithms.ts";
import { Cipher } from "./cipher.ts";
import { CombinedCipher } from "./combined.ts";
import { Descriptor } from "./descriptor.ts";
import { Hash } from "./hash.ts";
import type { Host } from "./host.ts";

const dropped = new FinalizationRegistry<Descriptor>((descriptor) => {
  descriptor.host.warn(`a device (${descriptor.path}) was dropped without close(); its descriptor was held until now`);
  descriptor.close();
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
  readonly #descriptor: Descriptor;

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    this.path = descriptor.path;
    this.backend = descriptor.host.backend;
    dropped.register(this, descriptor, descriptor);
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
  static open(host: Host, path: string = "/dev/crypto"): Device {
    if (typeof path !== "string" || path.includes("\0")) {
      throw new TypeError(`path of the device: expected a string without zero characters, got ${JSON.stringify(path)}`);
    }
    return new Device(Descriptor.open(host, path));
  }

  /** Whether {@link Device.close} was called. */
  get closed(): boolean {
    return this.#descriptor.closed;
  }

  /**
   * Starts a session that encrypts and decrypts (CIOCGSESSION).
   *
   * @param key - as many bytes as the cipher's name asks for. It is read in place, and not kept
   * @throws `RangeError` for an unknown name or a wrong size; `TypeError` for what is no Uint8Array; `CryptodevError` with
   * `EINVAL` where this kernel lacks the algorithm; `ClosedError` once the device is closed
   */
  cipher(name: CipherName, key: Uint8Array): Cipher {
    return new Cipher(this, this.#descriptor, findCipher(name), key);
  }

  /**
   * Starts a session that hashes.
   *
   * @throws as {@link Device.cipher}
   */
  hash(name: HashName): Hash {
    return new Hash(this, this.#descriptor, findHash(name));
  }

  /**
   * Starts a session that computes an HMAC (RFC 2104).
   *
   * @param key - 0 to 512 bytes. It is read in place, and not kept
   * @throws as {@link Device.cipher}
   */
  hmac(name: HmacName, key: Uint8Array): Hash {
    return new Hash(this, this.#descriptor, findHmac(name), key);
  }

  /**
   * Starts a session that encrypts, and computes a mac of the plaintext, in one pass.
   *
   * @param mackey - the key of an `hmac-` mac, 0 to 512 bytes; left out for a plain hash
   * @throws as {@link Device.cipher}
   */
  combined(cipher: CipherName, key: Uint8Array, mac: MacName, mackey?: Uint8Array): CombinedCipher {
    return new CombinedCipher(this, this.#descriptor, findCipher(cipher), key, findMac(mac), mackey);
  }

  /**
   * Clones the descriptor (CRIOGET): a second device of the same open file, closed on exec as this one is. Ending either
   * leaves the other open.
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
    return new Device(this.#descriptor.clone());
  }

  /**
   * Ends the sessions that were started on this device, then closes it (`close(2)`). Closing again does nothing.
   *
   * @throws `CryptodevError` where the kernel refuses; the device is closed all the same
   */
  close(): void {
    dropped.unregister(this.#descriptor);
    this.#descriptor.close();
  }

  /** The same as {@link Device.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
