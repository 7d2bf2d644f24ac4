import type { OperationJob, Started, StartJob } from "./protocol.ts";

/** The little of an AbortSignal that is used; those of all runtimes, and of the DOM, fit. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** Why it was aborted: what the operation is rejected with. */
  readonly reason: unknown;
  /** Has a function called when it is aborted. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Has it not called any more. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Why it was aborted; a signal of the program's own making may throw instead. */
export function reasonOf(signal: AbortSignalLike): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}

/** A session to start. */
export interface SessionStart extends Pick<StartJob, "session" | "method" | "name" | "options"> {
  /** A copy that nobody else uses; whoever made it wipes it. */
  readonly key: Uint8Array<ArrayBuffer> | undefined;
}

/** An operation of a session. */
export interface Operation extends Pick<OperationJob, "session" | "method"> {
  /** Copies, whose memory may be given away. */
  readonly args: readonly (Uint8Array<ArrayBuffer> | undefined)[];
}

/** Who carries jobs out while the program continues: a thread, or the driver itself. */
export interface Executor {
  /** Starts a session. */
  start(start: SessionStart): Promise<Started>;
  /**
   * Carries an operation out, after those of the same session that came before.
   *
   * @param signal - rejects with its reason as soon as it is aborted, and keeps a job that has not begun from beginning
   */
  operate(operation: Operation, signal?: AbortSignalLike): Promise<unknown>;
  /** Waits for what is in flight, and ends what it has open. */
  close(): Promise<void>;
}
