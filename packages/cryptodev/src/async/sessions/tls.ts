import type { KeyedMacName, TlsCipherName, TlsMessage } from "@cryptodev/core";
import { own, sizeOf } from "@cryptodev/core/host";
import { checkRoom, copied, dataOf, deliver } from "../arguments.ts";
import type { AsyncOptions } from "../executor.ts";
import { AsyncSession } from "./session.ts";

/** The header and the iv of a TLS record, and options of the operation. */
export interface AsyncTlsMessage extends TlsMessage, AsyncOptions {}

/**
 * A session for the records of TLS with a block cipher (RFC 5246, section 6.2.3.2), like {@link TlsCipher}.
 * {@link AsyncDevice.tls} starts it.
 *
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const key = crypto.getRandomValues(new Uint8Array(16));
 * const macKey = crypto.getRandomValues(new Uint8Array(20));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const tls = await device.tls({ cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey });
 * const header = new Uint8Array(13);
 * const record = await tls.seal(new TextEncoder().encode("fragment"), { header, iv });
 * console.log(new TextDecoder().decode(await tls.open(record, { header, iv }))); // fragment
 * await device.close();
 * ```
 */
export class AsyncTlsCipher extends AsyncSession {
  /** The cipher's name, as it was requested, in this library's form. */
  get name(): TlsCipherName {
    return this.started.name as TlsCipherName;
  }

  /** The mac's name. */
  get mac(): KeyedMacName {
    return this.started.mac as KeyedMacName;
  }

  /** Bytes in a mac. */
  get macSize(): number {
    return this.started.macSize as number;
  }

  /** A record consists of whole blocks of this many bytes. */
  get blockSize(): number {
    return this.started.blockSize as number;
  }

  /** How many bytes a record can be longer than its fragment: the mac and the longest padding. */
  get overhead(): number {
    return this.started.overhead as number;
  }

  /**
   * Creates a record in new memory, like {@link TlsCipher.seal}.
   *
   * @returns fragment, mac and the shortest padding, encrypted; every error of {@link TlsCipher.seal} rejects the
   * promise
   */
  seal(fragment: Uint8Array, message: AsyncTlsMessage): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("seal", fragment, "fragment", message);
  }

  /**
   * Creates a record in existing memory, like {@link TlsCipher.sealInto}. `destination` is written at once when the
   * operation has succeeded, and stays as it was otherwise.
   *
   * @param destination - room for `fragment` and {@link AsyncTlsCipher.overhead} bytes. It may overlap `fragment`, which
   * was copied before
   * @returns bytes in the record; every error of {@link TlsCipher.sealInto} rejects the promise, as does a destination
   * that was detached or shrank meanwhile
   */
  async sealInto(fragment: Uint8Array, destination: Uint8Array, message: AsyncTlsMessage): Promise<number> {
    const size = sizeOf(fragment, "fragment", this.name);
    checkRoom(destination, size + this.overhead, "destination", this.name);
    const record = await this.#operate("seal", fragment, "fragment", message, [destination]);
    return deliver(record, destination, "destination", this.name);
  }

  /**
   * Verifies and decrypts a record into new memory, like {@link TlsCipher.open}.
   *
   * @returns the fragment; every error of {@link TlsCipher.open} rejects the promise
   */
  open(record: Uint8Array, message: AsyncTlsMessage): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("open", record, "record", message);
  }

  /**
   * Verifies and decrypts a record into existing memory, like {@link TlsCipher.openInto}. `destination` is written at
   * once when the operation has succeeded, and stays as it was otherwise.
   *
   * @param destination - as many bytes as `record` has. It may overlap `record`, which was copied before
   * @returns bytes in the fragment; every error of {@link TlsCipher.openInto} rejects the promise, as does a destination
   * that was detached or shrank meanwhile
   */
  async openInto(record: Uint8Array, destination: Uint8Array, message: AsyncTlsMessage): Promise<number> {
    checkRoom(destination, sizeOf(record, "record", this.name), "destination", this.name);
    const fragment = await this.#operate("open", record, "record", message, [destination]);
    return deliver(fragment, destination, "destination", this.name);
  }

  async #operate(
    method: "seal" | "open",
    source: Uint8Array,
    role: string,
    message: AsyncTlsMessage,
    destinations: readonly Uint8Array[] = [],
  ): Promise<Uint8Array<ArrayBuffer>> {
    const header = copied(own(message, "header", this.name), "header", this.name);
    const iv = copied(own(message, "iv", this.name), "iv", this.name);
    const args = [dataOf(source, role, this.name, message, 0, destinations), { header, iv }];
    return (await this.call(method, args, message)) as Uint8Array<ArrayBuffer>;
  }
}
