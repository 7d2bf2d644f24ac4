import { inWords, own } from "@cryptodev/core/host";
import type { Argument, CallMethod, Introduction, Outcome, StartMethod } from "./protocol.ts";

/** The part of an AbortSignal that is used. The signals of all runtimes and of the DOM match it. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** Why it was aborted. The operation is rejected with it. */
  readonly reason: unknown;
  /** Registers a function to call when it is aborted. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Removes such a function. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * Options of every operation on a whole message: members of its last parameter, beside the operation's own options.
 */
export interface AsyncOptions {
  /**
   * Rejects the operation with its reason when it is aborted. An operation that the kernel has started completes
   * anyway, and its result is discarded.
   */
  readonly signal?: AbortSignalLike | undefined;
  /**
   * Whether the operation may keep the buffer of its data, if the data has more than 4096 bytes and fills it; for
   * `seal()`, if the tag's room follows the plaintext. If a thread runs the operation, the data is then not copied, and
   * its buffer is detached. Defaults to `false`.
   */
  readonly transfer?: boolean | undefined;
}

/**
 * Reads the signal from the options.
 *
 * @throws {TypeError} if it cannot be used as a signal
 */
export function signalOf(options: AsyncOptions | undefined, what: string): AbortSignalLike | undefined {
  const signal = own(options, "signal", what);
  if (signal === undefined) return undefined;
  if (typeof signal === "object" && signal !== null) {
    const { aborted, addEventListener, removeEventListener } = signal;
    const areMethods = typeof addEventListener === "function" && typeof removeEventListener === "function";
    if (typeof aborted === "boolean" && areMethods) return signal;
  }
  const remedy = (signal as unknown) instanceof AbortController ? "; pass its signal: controller.signal" : "";
  throw new TypeError(`signal for ${what}: expected an AbortSignal, got ${inWords(signal)}${remedy}`);
}

/**
 * Returns why a signal was aborted. A signal that the program implements may throw instead; then returns that error.
 */
export function reasonOf(signal: AbortSignalLike): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}

/** A new object: the number by which further jobs name it, and what it says of itself. */
export interface Started extends Introduction {
  readonly object: number;
}

/** Runs jobs while the program continues: a thread, or the driver itself. */
export interface Executor {
  /** Whether it does not accept jobs any more. */
  readonly closed: boolean;
  /**
   * Has a method of an object return a new object: a session, a copy, or chunks.
   *
   * @param args - private copies. Keys are in shared memory, which the caller wipes afterwards
   */
  start(of: number, method: StartMethod, args: readonly Argument[]): Promise<Started>;
  /**
   * Calls a method of an object, after earlier calls of the same session.
   *
   * @param args - private copies, or data that the caller gave away; buffers may be transferred
   * @param signal - when aborted, rejects the operation with its reason, and prevents a job that has not started from
   * starting
   */
  call(of: number, method: CallMethod, args: readonly Argument[], signal?: AbortSignalLike): Promise<Outcome>;
  /** Closes a session after its earlier calls, or drops chunks. */
  end(object: number): Promise<void>;
  /** Waits for the operations in flight, then closes everything that is open. */
  close(): Promise<void>;
}
