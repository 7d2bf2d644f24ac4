import { ClosedError, type SessionInfo, type Statistics } from "@cryptodev/core";
import { wipeKeys } from "../arguments.ts";
import { type AsyncOptions, type Executor, type Started, signalOf } from "../executor.ts";
import type { Argument, CallMethod, StartMethod } from "../protocol.ts";

/** Ends what the program dropped without closing it. */
const abandoned = new FinalizationRegistry<{ readonly executor: Executor; readonly object: number }>(
  ({ executor, object }) => {
    // An error would not reach anybody.
    executor.end(object).catch(() => {});
  },
);

/** Creates what represents an object of an executor here. */
export type Make<T> = (executor: Executor, started: Started) => T;

/**
 * Has a thread, or the driver, start an object.
 *
 * @param args - their keys are wiped, whatever happens
 */
export async function start<T extends object>(
  make: Make<T>,
  choose: () => Executor,
  of: number,
  method: StartMethod,
  args: readonly Argument[],
): Promise<T> {
  try {
    const executor = choose();
    const started = await executor.start(of, method, args);
    const made = make(executor, started);
    const what = { executor, object: started.object };
    abandoned.register(made, what, made);
    return made;
  } finally {
    wipeKeys(args);
  }
}

/**
 * A session of an {@link AsyncDevice}, from its start to {@link AsyncSession.close}: the common base of all kinds.
 *
 * The operations of a session run in the order of their calls, whether or not the program awaits each. Every argument is
 * copied when the method is called, so the program may change or wipe it at once.
 */
export abstract class AsyncSession {
  readonly #executor: Executor;
  /** @internal */
  protected readonly started: Started;
  #statistics: Statistics | undefined;
  #closed = false;

  /** @internal */
  constructor(executor: Executor, started: Started) {
    this.#executor = executor;
    this.started = started;
    this.#statistics = started.statistics;
  }

  /** The kernel's number for the session, unique on the device of its thread. */
  get id(): number {
    return this.started.id;
  }

  /** Whether the session has ended, by {@link AsyncSession.close} or with its device or thread. */
  get closed(): boolean {
    return this.#closed || this.#executor.closed;
  }

  /**
   * What the session had done at the end of its last completed operation; `undefined` unless the device was opened with
   * `statistics`.
   *
   * @example
   * ```ts
   * import { openAsync } from "cryptodev";
   *
   * const device = await openAsync({ backend: "auto", statistics: true });
   * const sha = await device.hash("sha256");
   * await sha.digest(new Uint8Array(1000));
   * console.log(sha.statistics?.bytes); // 1000
   * await device.close();
   * ```
   */
  get statistics(): Statistics | undefined {
    return this.#statistics === undefined ? undefined : { ...this.#statistics };
  }

  /**
   * Asks the driver what serves the session, like {@link Session.info}.
   *
   * @returns the drivers, their alignmask, and whether they are hardware
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses
   */
  async info(): Promise<SessionInfo> {
    return (await this.call("info", [])) as SessionInfo;
  }

  /** Ends the session after its earlier operations. Ending it again does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    abandoned.unregister(this);
    try {
      await this.#executor.end(this.started.object);
    } catch (error) {
      // The session ended with its device or its thread.
      if (!this.#executor.closed && !(error instanceof ClosedError)) throw error;
    }
  }

  /** Calls {@link AsyncSession.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  protected requireOpen(): void {
    if (this.#closed) throw new ClosedError(`${this.started.name} session: it was closed`);
  }

  /**
   * Calls a method of the session, or of chunks that it created.
   *
   * @internal
   */
  protected async call(
    method: CallMethod,
    args: readonly Argument[],
    options?: AsyncOptions,
    of: number = this.started.object,
  ): Promise<unknown> {
    this.requireOpen();
    const signal = signalOf(options, this.started.name);
    const { result, statistics } = await this.#executor.call(of, method, args, signal);
    this.#statistics = statistics;
    return result;
  }

  /**
   * Has the session create an object in its own thread: a copy, or chunks.
   *
   * @internal
   */
  protected async startBeside<T extends object>(
    make: Make<T>,
    method: StartMethod,
    args: readonly Argument[],
  ): Promise<T> {
    const choose = () => {
      this.requireOpen();
      return this.#executor;
    };
    return start(make, choose, this.started.object, method, args);
  }
}
