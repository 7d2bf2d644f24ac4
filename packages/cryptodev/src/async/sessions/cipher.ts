import type { ChunkOptionsOf, CipherName, EagerOptions, PaddingOptions, WithoutIvName, XtsName } from "@cryptodev/core";
import { cipherNamed, type NamedCipher } from "@cryptodev/core/algorithms";
import { checkIv, own, sizeOf } from "@cryptodev/core/host";
import { checkRoom, copied, dataOf, deliver, plain } from "../arguments.ts";
import type { AsyncOptions, Executor, Started } from "../executor.ts";
import type { Argument } from "../protocol.ts";
import { AsyncSession } from "./session.ts";

/** The last parameters of an operation: an iv as for the {@link Cipher} of that name, and options. */
export type AsyncIvOf<Name extends CipherName> = [CipherName] extends [Name]
  ? [ivOrOptions?: Uint8Array | AsyncOptions | undefined, options?: AsyncOptions]
  : Name extends WithoutIvName
    ? [options?: AsyncOptions]
    : [iv: Uint8Array, options?: AsyncOptions];

/** The parameters of {@link AsyncCipher.encryptor}, which are those of {@link Cipher.encryptor}. */
export type AsyncChunkArguments<Name extends CipherName> = [CipherName] extends [Name]
  ? [ivOrOptions?: Uint8Array | (PaddingOptions & EagerOptions) | undefined, options?: PaddingOptions & EagerOptions]
  : Name extends WithoutIvName
    ? [options?: ChunkOptionsOf<Name>]
    : [iv: Uint8Array, options?: ChunkOptionsOf<Name>];

/** A cipher session as {@link AsyncDevice.cipher} returns it: XTS, which works on whole sectors, does not have chunks. */
export type AsyncCipherOf<Name extends CipherName> = [Name] extends [XtsName]
  ? AsyncSession & Omit<AsyncCipher<Name>, "encryptor" | "decryptor">
  : AsyncCipher<Name>;

/**
 * Encrypts or decrypts data that arrives in chunks of any size, like {@link CipherChunks}.
 * {@link AsyncCipher.encryptor} and {@link AsyncCipher.decryptor} create it. Chunks are processed in the order of the
 * calls; they cannot be aborted, because the rest of the data would be meaningless.
 *
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const aes = await device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(16)));
 * const encryptor = await aes.encryptor(crypto.getRandomValues(new Uint8Array(16)), { padding: true });
 * const parts = await Promise.all([encryptor.update(new Uint8Array(20)), encryptor.final()]);
 * console.log(parts.map(({ length }) => length)); // [ 16, 16 ]
 * await device.close();
 * ```
 */
export class AsyncCipherChunks {
  readonly #name: string;
  readonly #call: (method: "update" | "final", args: readonly Argument[]) => Promise<unknown>;

  /** @internal */
  constructor(name: string, call: (method: "update" | "final", args: readonly Argument[]) => Promise<unknown>) {
    this.#name = name;
    this.#call = call;
  }

  /**
   * Processes the next chunk.
   *
   * @param data - any number of bytes
   * @returns the part of the result that is known so far, in new memory; every error of {@link CipherChunks.update}
   * rejects the promise
   */
  async update(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#call("update", [copied(data, "data", this.#name)])) as Uint8Array<ArrayBuffer>;
  }

  /**
   * Ends the data.
   *
   * @returns the rest of the result, in new memory; every error of {@link CipherChunks.final} rejects the promise
   */
  async final(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#call("final", [])) as Uint8Array<ArrayBuffer>;
  }
}

/**
 * A session that encrypts and decrypts with one key, like {@link Cipher}. {@link AsyncDevice.cipher} starts it.
 *
 * @example
 * ```ts
 * import { openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const aes = await device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(32)));
 * const iv = crypto.getRandomValues(new Uint8Array(16));
 * const ciphertext = await aes.encrypt(new TextEncoder().encode("sixteen bytes ok"), iv);
 * console.log(new TextDecoder().decode(await aes.decrypt(ciphertext, iv))); // sixteen bytes ok
 * await device.close();
 * ```
 */
export class AsyncCipher<Name extends CipherName = CipherName> extends AsyncSession {
  /** The cipher's name, as it was requested, in this library's form. */
  get name(): Name {
    return this.started.name as Name;
  }

  get #cipher(): NamedCipher {
    return cipherNamed(this.name) as NamedCipher;
  }

  /** The length of the data must be a multiple of this many bytes; 1 if every length is valid. */
  get blockSize(): number {
    return this.started.blockSize as number;
  }

  /** Bytes in an iv; 0 if the cipher does not use one. */
  get ivSize(): number {
    return this.started.ivSize as number;
  }

  /**
   * Encrypts into new memory, like {@link Cipher.encrypt}.
   *
   * @param source - any number of whole blocks of {@link AsyncCipher.blockSize} bytes; there is no padding
   * @param iv - {@link AsyncCipher.ivSize} bytes, which a cipher without an iv does not have; then options
   * @returns as many bytes as `source` has; every error of {@link Cipher.encrypt} rejects the promise
   */
  encrypt(source: Uint8Array, ...iv: AsyncIvOf<Name>): Promise<Uint8Array<ArrayBuffer>>;
  encrypt(
    source: Uint8Array,
    first?: Uint8Array | AsyncOptions,
    second?: AsyncOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("encrypt", source, first, second);
  }

  /**
   * Decrypts into new memory. Otherwise like {@link AsyncCipher.encrypt}.
   *
   * @returns as many bytes as `source` has
   */
  decrypt(source: Uint8Array, ...iv: AsyncIvOf<Name>): Promise<Uint8Array<ArrayBuffer>>;
  decrypt(
    source: Uint8Array,
    first?: Uint8Array | AsyncOptions,
    second?: AsyncOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("decrypt", source, first, second);
  }

  /**
   * Encrypts into existing memory, like {@link Cipher.encryptInto}. `destination` is written at once when the operation
   * has succeeded, and stays as it was otherwise.
   *
   * @param destination - at least as many bytes as `source`. It may be or overlap `source`, which was copied before
   * @param iv - {@link AsyncCipher.ivSize} bytes, which a cipher without an iv does not have; then options
   * @returns the number of bytes written; every error of {@link Cipher.encryptInto} rejects the promise, as does a
   * destination that was detached or shrank meanwhile
   * @example
   * ```ts
   * import { openAsync } from "cryptodev";
   *
   * const device = await openAsync({ backend: "auto" });
   * const ctr = await device.cipher("aes-ctr", crypto.getRandomValues(new Uint8Array(16)));
   * const memory = new Uint8Array(4096);
   * console.log(await ctr.encryptInto(memory, memory, crypto.getRandomValues(new Uint8Array(16)))); // 4096
   * await device.close();
   * ```
   */
  encryptInto(source: Uint8Array, destination: Uint8Array, ...iv: AsyncIvOf<Name>): Promise<number>;
  encryptInto(
    source: Uint8Array,
    destination: Uint8Array,
    first?: Uint8Array | AsyncOptions,
    second?: AsyncOptions,
  ): Promise<number> {
    return this.#into("encrypt", source, destination, first, second);
  }

  /**
   * Decrypts into existing memory. Otherwise like {@link AsyncCipher.encryptInto}.
   *
   * @returns the number of bytes written
   */
  decryptInto(source: Uint8Array, destination: Uint8Array, ...iv: AsyncIvOf<Name>): Promise<number>;
  decryptInto(
    source: Uint8Array,
    destination: Uint8Array,
    first?: Uint8Array | AsyncOptions,
    second?: AsyncOptions,
  ): Promise<number> {
    return this.#into("decrypt", source, destination, first, second);
  }

  /**
   * Creates an object that encrypts data that arrives in chunks of any size, like {@link Cipher.encryptor}. XTS does not
   * have it: it works on whole sectors.
   *
   * @param args - the iv of {@link AsyncCipher.ivSize} bytes, if the cipher uses one; then options
   * @returns the encryptor; every error of {@link Cipher.encryptor} rejects the promise
   */
  encryptor(...args: AsyncChunkArguments<Name>): Promise<AsyncCipherChunks>;
  encryptor(
    first?: Uint8Array | (PaddingOptions & EagerOptions),
    second?: PaddingOptions & EagerOptions,
  ): Promise<AsyncCipherChunks> {
    return this.#chunks("encryptor", first, second);
  }

  /**
   * Creates an object that decrypts data that arrives in chunks of any size. Otherwise like
   * {@link AsyncCipher.encryptor}.
   *
   * @returns the decryptor
   */
  decryptor(...args: AsyncChunkArguments<Name>): Promise<AsyncCipherChunks>;
  decryptor(
    first?: Uint8Array | (PaddingOptions & EagerOptions),
    second?: PaddingOptions & EagerOptions,
  ): Promise<AsyncCipherChunks> {
    return this.#chunks("decryptor", first, second);
  }

  /** Distinguishes iv and options: a cipher without an iv has no such parameter. */
  #ivAndOptions<Options extends object>(
    first: Uint8Array | Options | undefined,
    second: Options | undefined,
  ): [Uint8Array | undefined, Options | undefined] {
    const isIv = this.ivSize > 0 || second !== undefined || ArrayBuffer.isView(first);
    const [iv, options] = isIv ? [first as Uint8Array | undefined, second] : [undefined, first as Options | undefined];
    if (this.ivSize === 0) checkIv(iv, this.#cipher);
    return [copied(iv, "iv", this.name), options];
  }

  async #operate(
    method: "encrypt" | "decrypt",
    source: Uint8Array,
    first: Uint8Array | AsyncOptions | undefined,
    second: AsyncOptions | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const [iv, options] = this.#ivAndOptions(first, second);
    return this.#run(method, source, iv, options, []);
  }

  async #run(
    method: "encrypt" | "decrypt",
    source: Uint8Array,
    iv: Uint8Array | undefined,
    options: AsyncOptions | undefined,
    destinations: readonly Uint8Array[],
  ): Promise<Uint8Array<ArrayBuffer>> {
    const args = [dataOf(source, "source", this.name, options, 0, destinations), iv];
    return (await this.call(method, args, options)) as Uint8Array<ArrayBuffer>;
  }

  async #into(
    method: "encrypt" | "decrypt",
    source: Uint8Array,
    destination: Uint8Array,
    first: Uint8Array | AsyncOptions | undefined,
    second: AsyncOptions | undefined,
  ): Promise<number> {
    const size = sizeOf(source, "source", this.name);
    const [iv, options] = this.#ivAndOptions(first, second);
    checkIv(iv, this.#cipher, destination, "source, destination, iv");
    checkRoom(destination, size, "destination", this.name);
    const result = await this.#run(method, source, iv, options, [destination]);
    return deliver(result, destination, "destination", this.name);
  }

  async #chunks(
    method: "encryptor" | "decryptor",
    first: Uint8Array | (PaddingOptions & EagerOptions) | undefined,
    second: (PaddingOptions & EagerOptions) | undefined,
  ): Promise<AsyncCipherChunks> {
    const [iv, options] = this.#ivAndOptions(first, second);
    const choices = {
      padding: plain(own(options, "padding", this.name), "boolean", "padding", this.name),
      eager: plain(own(options, "eager", this.name), "boolean", "eager", this.name),
    };
    const make = (_: Executor, { object }: Started) =>
      new AsyncCipherChunks(this.name, (called, args) => this.call(called, args, undefined, object));
    return this.startBeside(make, method, this.ivSize > 0 ? [iv, choices] : [choices]);
  }
}
