import type { AeadMessage, AeadName, DetachedMessage } from "@cryptodev/core";
import type { SizeRange } from "@cryptodev/core/abi";
import { own, sizeOf } from "@cryptodev/core/host";
import { checkRoom, copied, dataOf, deliver, plain } from "../arguments.ts";
import type { AsyncOptions } from "../executor.ts";
import type { Argument } from "../protocol.ts";
import { AsyncSession } from "./session.ts";

/** The nonce and the associated data of a message, and options of the operation. */
export interface AsyncAeadMessage extends AeadMessage, AsyncOptions {}

/**
 * A session that encrypts and authenticates: AES-GCM or AES-CCM, like {@link Aead}. {@link AsyncDevice.aead} starts it.
 *
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const gcm = await device.aead("aes-256-gcm", crypto.getRandomValues(new Uint8Array(32)), { managedNonce: true });
 * const aad = new TextEncoder().encode("header");
 * const sealed = await gcm.seal(new TextEncoder().encode("message"), { aad });
 * console.log(new TextDecoder().decode(await gcm.open(sealed, { aad }))); // message
 * await device.close();
 * ```
 */
export class AsyncAead extends AsyncSession {
  /** The cipher's name, as it was requested, in this library's form. */
  get name(): AeadName {
    return this.started.name as AeadName;
  }

  /** Bytes in a tag. */
  get tagSize(): number {
    return this.started.tagSize as number;
  }

  /** The smallest and the largest size of a nonce, in bytes. */
  get nonceSize(): SizeRange {
    return { ...(this.started.nonceSize as SizeRange) };
  }

  /** How many bytes longer a sealed message is than its plaintext: the tag, and the nonce if the session manages it. */
  get overhead(): number {
    return this.started.overhead as number;
  }

  /**
   * Encrypts and authenticates into new memory, like {@link Aead.seal}.
   *
   * @param message - nonce and aad, and options. With `detached`, ciphertext and tag are returned separately
   * @returns the ciphertext followed by the tag: {@link AsyncAead.overhead} bytes more than `plaintext`; every error of
   * {@link Aead.seal} rejects the promise
   */
  seal(plaintext: Uint8Array, message: AsyncAeadMessage & { readonly detached: true }): Promise<DetachedMessage>;
  seal(
    plaintext: Uint8Array,
    message?: AsyncAeadMessage & { readonly detached?: false },
  ): Promise<Uint8Array<ArrayBuffer>>;
  seal(
    plaintext: Uint8Array,
    message?: AsyncAeadMessage & { readonly detached?: boolean },
  ): Promise<Uint8Array<ArrayBuffer> | DetachedMessage>;
  async seal(
    plaintext: Uint8Array,
    message?: AsyncAeadMessage & { readonly detached?: boolean },
  ): Promise<Uint8Array<ArrayBuffer> | DetachedMessage> {
    const detached = plain(own(message, "detached", this.name), "boolean", "detached", this.name);
    const room = detached === true ? 0 : this.#room;
    const args = [dataOf(plaintext, "source", this.name, message, room), { ...this.#copied(message), detached }, room];
    return (await this.call("seal", args, message)) as Uint8Array<ArrayBuffer> | DetachedMessage;
  }

  /**
   * Encrypts and authenticates into existing memory, like {@link Aead.sealInto}. `destination` is written at once when
   * the operation has succeeded, and stays as it was otherwise.
   *
   * @param destination - room for `plaintext` and {@link AsyncAead.overhead} bytes. It may overlap `plaintext`, which
   * was copied before
   * @returns the number of bytes written; every error of {@link Aead.sealInto} rejects the promise, as does a
   * destination that was detached or shrank meanwhile
   */
  async sealInto(plaintext: Uint8Array, destination: Uint8Array, message?: AsyncAeadMessage): Promise<number> {
    const size = sizeOf(plaintext, "source", this.name);
    checkRoom(destination, size + this.overhead, "destination", this.name);
    const room = this.#room;
    const data = dataOf(plaintext, "source", this.name, message, room, [destination]);
    const args = [data, this.#copied(message), room];
    const sealed = (await this.call("seal", args, message)) as Uint8Array;
    return deliver(sealed, destination, "destination", this.name);
  }

  /**
   * Verifies and decrypts into new memory, like {@link Aead.open}.
   *
   * @param message - nonce and aad, and options. If `tag` is passed, `sealed` is only the ciphertext
   * @returns the plaintext; every error of {@link Aead.open} rejects the promise
   */
  async open(
    sealed: Uint8Array,
    message?: AsyncAeadMessage & { readonly tag?: Uint8Array | undefined },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const tag = copied(own(message, "tag", this.name), "tag", this.name);
    const args = [dataOf(sealed, "source", this.name, message), { ...this.#copied(message), tag }];
    return (await this.call("open", args, message)) as Uint8Array<ArrayBuffer>;
  }

  /**
   * Verifies and decrypts into existing memory, like {@link Aead.openInto}. `destination` is written at once when the
   * operation has succeeded, and stays as it was otherwise.
   *
   * @param destination - as many bytes as `sealed` has after the nonce, as for {@link Aead.openInto}. It may overlap
   * `sealed`, which was copied before
   * @returns the size of the plaintext in bytes; every error of {@link Aead.openInto} rejects the promise, as does a
   * destination that was detached or shrank meanwhile
   */
  async openInto(sealed: Uint8Array, destination: Uint8Array, message?: AsyncAeadMessage): Promise<number> {
    const size = sizeOf(sealed, "source", this.name) - (this.overhead - this.tagSize);
    checkRoom(destination, size, "destination", this.name);
    const args = [dataOf(sealed, "source", this.name, message, 0, [destination]), this.#copied(message)];
    return deliver((await this.call("open", args, message)) as Uint8Array, destination, "destination", this.name);
  }

  /** How many bytes after the plaintext are room for the tag; none if a nonce is to precede it. */
  get #room(): number {
    return this.overhead === this.tagSize ? this.tagSize : 0;
  }

  #copied(message: AeadMessage | undefined): { readonly nonce: Argument; readonly aad: Argument } {
    return {
      nonce: copied(own(message, "nonce", this.name), "nonce", this.name),
      aad: copied(own(message, "aad", this.name), "aad", this.name),
    };
  }
}
