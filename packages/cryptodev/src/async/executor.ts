import type { Job } from "./protocol.ts";

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

/** A start of a session, or one of its operations. */
export type SessionJob = Pick<Job, "session" | "method" | "args" | "isStart">;

/** Who carries jobs out while the program goes on: a thread, or the driver itself. */
export interface Executor {
  /**
   * Carries a job out, after those of the same session that came before.
   *
   * @param transfer - buffers among the arguments that may be given away with them
   * @param signal - rejects with its reason as soon as it is aborted, and keeps a job that has not begun from beginning
   */
  call(job: SessionJob, transfer: readonly ArrayBuffer[], signal?: AbortSignalLike): Promise<unknown>;
  /** Waits for what is in flight, and ends what it has open. */
  close(): Promise<void>;
}
