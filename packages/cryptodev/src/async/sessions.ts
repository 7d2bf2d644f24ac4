import { ClosedError, inWords, type SessionInfo, sizeOf } from "@cryptodev/core";
import type { AbortSignalLike, Executor } from "./executor.ts";
import { ownOption } from "./options.ts";
import type { Started } from "./protocol.ts";

/** Options of an operation that does not block. */
export interface AsyncOptions {
  /**
   * Rejects the operation with its reason when it is aborted. An operation that the kernel has started completes
   * anyway, and its result is discarded.
   */
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * Copies bytes, so that the caller can neither change nor detach them while the operation waits for its turn. Allocates
 * the buffer explicitly: V8 keeps the bytes of other small views in its heap, where garbage collection leaves copies
 * that cannot be wiped.
 */
export function copied(bytes: Uint8Array, role: string, name: string): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(sizeOf(bytes, role, name)));
  copy.set(bytes);
  return copy;
}

/**
 * Reads the signal from the options.
 *
 * @throws {TypeError} if it cannot be used as a signal
 */
function signalOf(options: AsyncOptions | undefined): AbortSignalLike | undefined {
  const signal = ownOption(options, "signal", "object");
  if (signal === undefined) return undefined;
  const { aborted, addEventListener, removeEventListener } = signal;
  const isSignal =
    typeof aborted === "boolean" && typeof addEventListener === "function" && typeof removeEventListener === "function";
  if (isSignal) return signal;
  const remedy = signal instanceof AbortController ? "; pass its signal: controller.signal" : "";
  throw new TypeError(`signal: expected an AbortSignal, got ${inWords(signal)}${remedy}`);
}

/** The base of all asynchronous sessions. */
export abstract class AsyncSession {
  /** The algorithm's name, like that of the blocking session. */
  readonly name: string;
  readonly #executor: Executor;
  readonly #id: number;
  readonly #info: SessionInfo;
  #closed = false;

  /** @internal */
  constructor(executor: Executor, id: number, { name, info }: Started) {
    this.name = name;
    this.#executor = executor;
    this.#id = id;
    this.#info = info;
  }

  /** The drivers that serve the session, their alignmask, and whether they are hardware. */
  get info(): SessionInfo {
    return this.#info;
  }

  /** Whether {@link AsyncSession.close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the session after its earlier operations. Closing it again does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#executor.operate({ session: this.#id, method: "close", args: [] });
    } catch (error) {
      // The session ended with its device.
      if (!(error instanceof ClosedError)) throw error;
    }
  }

  /** Calls {@link AsyncSession.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  protected async call(
    method: string,
    given: Readonly<Record<string, Uint8Array | undefined>>,
    options?: AsyncOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closed) throw new ClosedError("asynchronous session: it was closed");
    const signal = signalOf(options);
    const args = Object.entries(given).map(([role, bytes]) =>
      bytes === undefined ? undefined : copied(bytes, role, this.name),
    );
    const result = await this.#executor.operate({ session: this.#id, method, args }, signal);
    return result as Uint8Array<ArrayBuffer>;
  }
}

/** Operations that each continue from the end of the previous one. */
interface Chain {
  length: number;
  /** The position of the first one that was rejected. */
  end: number;
}

/**
 * An asynchronous cipher. {@link AsyncDevice.cipher} starts it. Operations run in the order of their calls.
 */
export class AsyncCipher extends AsyncSession {
  readonly #ivSize: number;
  #chain: Chain = { length: 0, end: Number.POSITIVE_INFINITY };

  /** @internal */
  constructor(executor: Executor, id: number, started: Started) {
    super(executor, id, started);
    this.#ivSize = started.ivSize;
  }

  /**
   * Encrypts like {@link Cipher.encrypt}, without blocking. `source` and `iv` are copied, and may be changed at once.
   *
   * @param iv - without it, continues from the end of the last operation, and is rejected if that one was aborted or
   * rejected
   * @returns as many bytes as `source` has; every error of {@link Cipher.encrypt} rejects the promise
   */
  encrypt(source: Uint8Array, iv?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("encrypt", source, iv, options);
  }

  /**
   * Decrypts like {@link Cipher.decrypt}, without blocking. Otherwise like {@link AsyncCipher.encrypt}.
   *
   * @returns as many bytes as `source` has
   */
  decrypt(source: Uint8Array, iv?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("decrypt", source, iv, options);
  }

  /** It is not known whether the thread had started an aborted operation, so that nothing can continue from its end. */
  async #operate(
    method: string,
    source: Uint8Array,
    iv: Uint8Array | undefined,
    options: AsyncOptions | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#ivSize === 0) return this.call(method, { source, iv }, options);
    if (iv !== undefined) this.#chain = { length: 0, end: Number.POSITIVE_INFINITY };
    const chain = this.#chain;
    const place = chain.length;
    chain.length += 1;
    const requirePlace = () => {
      if (place <= chain.end) return;
      throw new TypeError(
        `iv for ${this.name}: expected ${this.#ivSize} bytes, got none; the previous operation was aborted or rejected, so that nothing can continue from its end`,
      );
    };
    try {
      requirePlace();
      const result = await this.call(method, { source, iv }, options);
      requirePlace();
      return result;
    } catch (error) {
      chain.end = Math.min(chain.end, place);
      throw error;
    }
  }
}

/** An asynchronous hash or HMAC. {@link AsyncDevice.hash} and {@link AsyncDevice.hmac} start it. */
export class AsyncHash extends AsyncSession {
  /**
   * Hashes a whole message like {@link Hash.digest}, without blocking.
   *
   * @returns the digest or mac; every error of {@link Hash.digest} rejects the promise
   */
  digest(data: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("digest", { data }, options);
  }
}

/** An asynchronous AEAD. {@link AsyncDevice.aead} starts it. */
export class AsyncAead extends AsyncSession {
  /**
   * Encrypts and authenticates like {@link Aead.seal}, without blocking.
   *
   * @returns the ciphertext followed by the tag; every error of {@link Aead.seal} rejects the promise
   */
  seal(
    source: Uint8Array,
    nonce: Uint8Array,
    aad?: Uint8Array,
    options?: AsyncOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("seal", { source, nonce, aad }, options);
  }

  /**
   * Verifies and decrypts like {@link Aead.open}, without blocking.
   *
   * @returns the plaintext; every error of {@link Aead.open} rejects the promise
   */
  open(
    sealed: Uint8Array,
    nonce: Uint8Array,
    aad?: Uint8Array,
    options?: AsyncOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("open", { source: sealed, nonce, aad }, options);
  }
}
