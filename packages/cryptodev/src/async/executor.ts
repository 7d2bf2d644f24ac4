import type { OperationJob, Started, StartJob } from "./protocol.ts";

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
 * Returns why a signal was aborted. A signal that the program implements may throw instead; then returns that error.
 */
export function reasonOf(signal: AbortSignalLike): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}

/** A session to start. */
export interface SessionStart extends Pick<StartJob, "session" | "method" | "name" | "options"> {
  /** A private copy. The caller wipes it. */
  readonly key: Uint8Array<ArrayBuffer> | undefined;
}

/** An operation of a session. */
export interface Operation extends Pick<OperationJob, "session" | "method"> {
  /** Private copies, whose buffers may be transferred. */
  readonly args: readonly (Uint8Array<ArrayBuffer> | undefined)[];
}

/** Runs jobs while the program continues: a thread, or the driver itself. */
export interface Executor {
  /** Starts a session. */
  start(start: SessionStart): Promise<Started>;
  /**
   * Runs an operation, after earlier ones of the same session.
   *
   * @param signal - when aborted, rejects the operation with its reason, and prevents a job that has not started from
   * starting
   */
  operate(operation: Operation, signal?: AbortSignalLike): Promise<unknown>;
  /** Waits for the operations in flight, then closes everything that is open. */
  close(): Promise<void>;
}
