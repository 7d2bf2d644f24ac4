import type { CipherName, MacName } from "@cryptodev/core";
import { checkApart, own, sizeOf } from "@cryptodev/core/host";
import { checkRoom, copied, dataOf, deliver } from "../arguments.ts";
import type { AsyncOptions } from "../executor.ts";
import { AsyncSession } from "./session.ts";

/**
 * A session that encrypts and computes a mac of the plaintext in one pass, like {@link CipherWithMac}.
 * {@link AsyncDevice.cipherWithMac} starts it.
 *
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const key = crypto.getRandomValues(new Uint8Array(16));
 * const macKey = crypto.getRandomValues(new Uint8Array(20));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const session = await device.cipherWithMac({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey });
 * const { ciphertext, mac } = await session.encrypt(new Uint8Array(64), { iv });
 * const plaintext = await session.decrypt(ciphertext, { mac, iv });
 * console.log(plaintext.length); // 64
 * await device.close();
 * ```
 */
export class AsyncCipherWithMac extends AsyncSession {
  /** The cipher's name, as it was requested, in this library's form. */
  get name(): CipherName {
    return this.started.name as CipherName;
  }

  /** The mac's name. */
  get mac(): MacName {
    return this.started.mac as MacName;
  }

  /** The length of the data must be a multiple of this many bytes; 1 if every length is valid. */
  get blockSize(): number {
    return this.started.blockSize as number;
  }

  /** Bytes in an iv; 0 if the cipher does not use one. */
  get ivSize(): number {
    return this.started.ivSize as number;
  }

  /** Bytes in a mac. */
  get macSize(): number {
    return this.started.macSize as number;
  }

  /**
   * Encrypts into new memory and computes the mac of the plaintext, like {@link CipherWithMac.encrypt}.
   *
   * @param message - `iv` has {@link AsyncCipherWithMac.ivSize} bytes; omitted if the cipher does not use one. And
   * options
   * @returns as many bytes of ciphertext as `plaintext` has, and {@link AsyncCipherWithMac.macSize} bytes of mac; every
   * error of {@link CipherWithMac.encrypt} rejects the promise
   */
  async encrypt(
    plaintext: Uint8Array,
    message?: AsyncOptions & { readonly iv?: Uint8Array | undefined },
  ): Promise<{
    /** As many bytes as the plaintext has. */
    ciphertext: Uint8Array<ArrayBuffer>;
    /** {@link AsyncCipherWithMac.macSize} bytes. */
    mac: Uint8Array<ArrayBuffer>;
  }> {
    return this.#encrypt(plaintext, message, []);
  }

  async #encrypt(
    plaintext: Uint8Array,
    message: (AsyncOptions & { readonly iv?: Uint8Array | undefined }) | undefined,
    destinations: readonly Uint8Array[],
  ): Promise<{ ciphertext: Uint8Array<ArrayBuffer>; mac: Uint8Array<ArrayBuffer> }> {
    const iv = copied(own(message, "iv", this.name), "iv", this.name);
    const args = [dataOf(plaintext, "source", this.name, message, 0, destinations), { iv }];
    const result = await this.call("encrypt", args, message);
    return result as { ciphertext: Uint8Array<ArrayBuffer>; mac: Uint8Array<ArrayBuffer> };
  }

  /**
   * Encrypts into existing memory and computes the mac of the plaintext, like {@link CipherWithMac.encryptInto}.
   * `destination` and `mac` are written at once when the operation has succeeded, and stay as they were otherwise.
   *
   * @param destination - at least as many bytes as `plaintext`. It may overlap `plaintext`, which was copied before
   * @param message - `mac` is where the mac is written: at least {@link AsyncCipherWithMac.macSize} bytes, separate from
   * the destination. `iv` and options as for {@link AsyncCipherWithMac.encrypt}
   * @returns the number of bytes written to `destination`; every error of {@link CipherWithMac.encryptInto} rejects the
   * promise, as does memory that was detached or shrank meanwhile
   */
  async encryptInto(
    plaintext: Uint8Array,
    destination: Uint8Array,
    message: AsyncOptions & { readonly mac: Uint8Array; readonly iv?: Uint8Array | undefined },
  ): Promise<number> {
    const mac = own(message, "mac", this.name) as Uint8Array;
    checkRoom(mac, this.macSize, "mac", this.mac);
    const size = sizeOf(plaintext, "source", this.name);
    checkRoom(destination, size, "destination", this.name);
    checkApart(destination, size, mac, this.macSize, "mac", this.mac);
    const result = await this.#encrypt(plaintext, message, [destination, mac]);
    // Before anything is written.
    checkRoom(mac, this.macSize, "mac", this.mac, "; it shrank while the operation ran");
    const written = deliver(result.ciphertext, destination, "destination", this.name);
    deliver(result.mac, mac, "mac", this.mac);
    return written;
  }

  /**
   * Decrypts into new memory, and verifies the mac of the plaintext in constant time, like
   * {@link CipherWithMac.decrypt}.
   *
   * @param message - `mac` is the mac that belongs to the ciphertext, {@link AsyncCipherWithMac.macSize} bytes. `iv` and
   * options as for {@link AsyncCipherWithMac.encrypt}
   * @returns the plaintext; every error of {@link CipherWithMac.decrypt} rejects the promise
   */
  async decrypt(
    ciphertext: Uint8Array,
    message: AsyncOptions & { readonly mac: Uint8Array; readonly iv?: Uint8Array | undefined },
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#decrypt(ciphertext, message, []);
  }

  async #decrypt(
    ciphertext: Uint8Array,
    message: AsyncOptions & { readonly mac: Uint8Array; readonly iv?: Uint8Array | undefined },
    destinations: readonly Uint8Array[],
  ): Promise<Uint8Array<ArrayBuffer>> {
    const mac = copied(own(message, "mac", this.name), "mac", this.mac);
    const iv = copied(own(message, "iv", this.name), "iv", this.name);
    const args = [dataOf(ciphertext, "source", this.name, message, 0, destinations), { mac, iv }];
    return (await this.call("decrypt", args, message)) as Uint8Array<ArrayBuffer>;
  }

  /**
   * Decrypts into existing memory, and verifies the mac of the plaintext in constant time, like
   * {@link CipherWithMac.decryptInto}. `destination` is written at once when the operation has succeeded, and stays as
   * it was otherwise.
   *
   * @param destination - at least as many bytes as `ciphertext`. It may overlap `ciphertext`, which was copied before
   * @param message - as for {@link AsyncCipherWithMac.decrypt}
   * @returns the size of the plaintext in bytes; every error of {@link CipherWithMac.decryptInto} rejects the promise, as
   * does a destination that was detached or shrank meanwhile
   */
  async decryptInto(
    ciphertext: Uint8Array,
    destination: Uint8Array,
    message: AsyncOptions & { readonly mac: Uint8Array; readonly iv?: Uint8Array | undefined },
  ): Promise<number> {
    checkRoom(destination, sizeOf(ciphertext, "source", this.name), "destination", this.name);
    const plaintext = await this.#decrypt(ciphertext, message, [destination]);
    return deliver(plaintext, destination, "destination", this.name);
  }
}
