import { ClosedError, inWords, type SessionInfo, sizeOf } from "@cryptodev/core";
import type { AbortSignalLike, Executor } from "./executor.ts";
import { ownOption } from "./options.ts";
import type { Started } from "./protocol.ts";

/** Options of an operation that does not block. */
export interface AsyncOptions {
  /**
   * Rejects the operation with its reason when it is aborted; one that the kernel has begun is carried out, and forgotten.
   */
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * A copy that the caller can neither change nor take away while it waits for its turn. Its buffer is made first: the bytes
 * of a small view without one lie in V8's heap, where a collection leaves copies that nobody can wipe.
 */
export function copied(bytes: Uint8Array, role: string, name: string): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(sizeOf(bytes, role, name)));
  copy.set(bytes);
  return copy;
}

/** The signal among the options. @throws `TypeError` for anything that cannot be used as one */
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

/** A session that works beside the program: the part that all kinds share. */
export abstract class AsyncSession {
  /** The algorithm's name, as that of the blocking session. */
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

  /** What serves the session. */
  get info(): SessionInfo {
    return this.#info;
  }

  /** Whether {@link AsyncSession.close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the session once the operations before are done. Ending it again does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#executor.operate({ session: this.#id, method: "close", args: [] });
    } catch (error) {
      // It ended with its device.
      if (!(error instanceof ClosedError)) throw error;
    }
  }

  /** The same as {@link AsyncSession.close}, for `await using`. */
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

/** Operations each of which continues where the one before ended. */
interface Chain {
  length: number;
  /** The first one that was rejected. */
  end: number;
}

/**
 * A cipher that works beside the program; {@link AsyncDevice.cipher} starts it. Operations are done in the order of their
 * calls.
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
   * As {@link Cipher.encrypt}, without blocking: `source` and `iv` are copied, and free to change at once. An operation
   * without iv is rejected as well if the one that it would continue was aborted or rejected.
   */
  encrypt(source: Uint8Array, iv?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("encrypt", source, iv, options);
  }

  /** As {@link Cipher.decrypt}, without blocking, and with the rule of {@link AsyncCipher.encrypt} for the iv. */
  decrypt(source: Uint8Array, iv?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#operate("decrypt", source, iv, options);
  }

  /** Whether the thread had begun what was aborted, nobody knows: what would continue it could continue from two places. */
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
        `iv for ${this.name}: expected ${this.#ivSize} bytes, got none; the operation before was aborted or rejected, so that none can continue it`,
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

/** A hash or HMAC that works beside the program; {@link AsyncDevice.hash} and {@link AsyncDevice.hmac} start it. */
export class AsyncHash extends AsyncSession {
  /** As {@link Hash.digest} of a whole message, without blocking. */
  digest(data: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("digest", { data }, options);
  }
}

/** An AEAD that works beside the program; {@link AsyncDevice.aead} starts it. */
export class AsyncAead extends AsyncSession {
  /** As {@link Aead.seal}, without blocking. */
  seal(
    source: Uint8Array,
    nonce: Uint8Array,
    aad?: Uint8Array,
    options?: AsyncOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("seal", { source, nonce, aad }, options);
  }

  /** As {@link Aead.open}, without blocking. */
  open(
    sealed: Uint8Array,
    nonce: Uint8Array,
    aad?: Uint8Array,
    options?: AsyncOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("open", { source: sealed, nonce, aad }, options);
  }
}
