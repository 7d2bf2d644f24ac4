import { ClosedError, type SessionInfo, sizeOf } from "@cryptodev/core";
import type { AbortSignalLike, Executor } from "./executor.ts";

/** Options of an operation that does not block. */
export interface AsyncOptions {
  /**
   * Rejects the operation with its reason when it is aborted; one that the kernel has begun is carried out, and forgotten.
   */
  readonly signal?: AbortSignalLike | undefined;
}

/** A copy that the caller can neither change nor take away while it waits for its turn. */
export function copied(bytes: Uint8Array, role: string, name: string): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(sizeOf(bytes, role, name));
  copy.set(bytes);
  return copy;
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
  constructor(name: string, executor: Executor, id: number, info: SessionInfo) {
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
    await this.#executor.call({ session: this.#id, method: "close", args: [], isStart: false }, []);
  }

  /** The same as {@link AsyncSession.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  protected async call(
    method: string,
    given: Readonly<Record<string, Uint8Array | undefined>>,
    { signal }: AsyncOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closed) throw new ClosedError("asynchronous session: it was closed");
    const args = Object.entries(given).map(([role, bytes]) =>
      bytes === undefined ? undefined : copied(bytes, role, this.name),
    );
    const transfer = args.flatMap((view) => (view === undefined ? [] : [view.buffer]));
    const job = { session: this.#id, method, args, isStart: false };
    return (await this.#executor.call(job, transfer, signal)) as Uint8Array<ArrayBuffer>;
  }
}

/**
 * A cipher that works beside the program; {@link AsyncDevice.cipher} starts it. Operations are done in the order of their
 * calls.
 */
export class AsyncCipher extends AsyncSession {
  /** As {@link Cipher.encrypt}, without blocking: `source` and `iv` are copied, and free to change at once. */
  encrypt(source: Uint8Array, iv?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("encrypt", { source, iv }, options);
  }

  /** As {@link Cipher.decrypt}, without blocking. */
  decrypt(source: Uint8Array, iv?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.call("decrypt", { source, iv }, options);
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
