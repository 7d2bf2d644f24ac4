import type { KeyedMacName, SrtpCipherName, SrtpMessage } from "@cryptodev/core";
import { own, sizeOf } from "@cryptodev/core/host";
import { checkRoom, copied, dataOf, deliver, plain } from "../arguments.ts";
import type { AsyncOptions } from "../executor.ts";
import { AsyncSession } from "./session.ts";

/** The size of the header of an SRTP packet, its iv, and options of the operation. */
export interface AsyncSrtpMessage extends SrtpMessage, AsyncOptions {}

/**
 * A session for SRTP packets (RFC 3711, section 3.3), like {@link SrtpCipher}. {@link AsyncDevice.srtp} starts it.
 *
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const key = crypto.getRandomValues(new Uint8Array(16));
 * const macKey = crypto.getRandomValues(new Uint8Array(20));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const srtp = await device.srtp({ cipher: "aes-128-ctr", key, mac: "hmac-sha1", macKey, tagSize: 10 });
 * const sealed = await srtp.seal(new Uint8Array(12 + 160), { headerSize: 12, iv });
 * const packet = await srtp.open(sealed, { headerSize: 12, iv });
 * console.log(sealed.length, packet.length); // 182 172
 * await device.close();
 * ```
 */
export class AsyncSrtpCipher extends AsyncSession {
  /** The cipher's name, as it was requested, in this library's form. */
  get name(): SrtpCipherName {
    return this.started.name as SrtpCipherName;
  }

  /** The mac's name. */
  get mac(): KeyedMacName {
    return this.started.mac as KeyedMacName;
  }

  /** Bytes in a tag. */
  get tagSize(): number {
    return this.started.tagSize as number;
  }

  /**
   * Encrypts a packet's payload and appends its tag, in new memory, like {@link SrtpCipher.seal}.
   *
   * @returns the packet followed by its tag; every error of {@link SrtpCipher.seal} rejects the promise
   */
  seal(packet: Uint8Array, message: AsyncSrtpMessage): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("seal", packet, message);
  }

  /**
   * Encrypts a packet's payload and appends its tag, in existing memory, like {@link SrtpCipher.sealInto}. `destination`
   * is written at once when the operation has succeeded, and stays as it was otherwise.
   *
   * @param destination - room for `packet` and {@link AsyncSrtpCipher.tagSize} bytes. It may overlap `packet`, which was
   * copied before
   * @returns the number of bytes written; every error of {@link SrtpCipher.sealInto} rejects the promise, as does a
   * destination that was detached or shrank meanwhile
   */
  async sealInto(packet: Uint8Array, destination: Uint8Array, message: AsyncSrtpMessage): Promise<number> {
    checkRoom(destination, sizeOf(packet, "packet", this.name) + this.tagSize, "destination", this.name);
    const sealed = await this.#operate("seal", packet, message, [destination]);
    return deliver(sealed, destination, "destination", this.name);
  }

  /**
   * Verifies a packet and decrypts its payload, in new memory, like {@link SrtpCipher.open}.
   *
   * @returns header and payload; every error of {@link SrtpCipher.open} rejects the promise
   */
  open(sealed: Uint8Array, message: AsyncSrtpMessage): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("open", sealed, message);
  }

  /**
   * Verifies a packet and decrypts its payload, in existing memory, like {@link SrtpCipher.openInto}. `destination` is
   * written at once when the operation has succeeded, and stays as it was otherwise.
   *
   * @param destination - as many bytes as `sealed` has. It may overlap `sealed`, which was copied before
   * @returns the size of header and payload in bytes; every error of {@link SrtpCipher.openInto} rejects the promise, as
   * does a destination that was detached or shrank meanwhile
   */
  async openInto(sealed: Uint8Array, destination: Uint8Array, message: AsyncSrtpMessage): Promise<number> {
    checkRoom(destination, sizeOf(sealed, "packet", this.name), "destination", this.name);
    const packet = await this.#operate("open", sealed, message, [destination]);
    return deliver(packet, destination, "destination", this.name);
  }

  async #operate(
    method: "seal" | "open",
    source: Uint8Array,
    message: AsyncSrtpMessage,
    destinations: readonly Uint8Array[] = [],
  ): Promise<Uint8Array<ArrayBuffer>> {
    const headerSize = plain(own(message, "headerSize", this.name), "number", "headerSize", this.name);
    const iv = copied(own(message, "iv", this.name), "iv", this.name);
    const args = [dataOf(source, "packet", this.name, message, 0, destinations), { headerSize, iv }];
    return (await this.call(method, args, message)) as Uint8Array<ArrayBuffer>;
  }
}
