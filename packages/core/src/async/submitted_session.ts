import { ClosedError } from "../errors.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import type { SessionInfo } from "../kernel/session_info.ts";
import { Session } from "../sessions/session.ts";
import { type AsyncData, asyncCall } from "./async_call.ts";
import type { SubmissionQueue } from "./submission_queue.ts";

/**
 * The operations of one session that the driver runs asynchronously. It is separate from the session object, because no
 * program may submit calls of its own.
 */
export class SubmittedOperations {
  readonly #kernel: KernelSession;
  readonly #queue: SubmissionQueue;
  #inFlight = 0;
  /** The session object while an operation is in flight: it must not be collected, which would end the session. */
  #user: SubmittedSession | undefined;
  /** Whether the session ends after its last operation. */
  isClosing = false;

  constructor(kernel: KernelSession, queue: SubmissionQueue) {
    this.#kernel = kernel;
    this.#queue = queue;
  }

  /** Whether the session object has to exist until an operation is finished. */
  get isInUse(): boolean {
    return this.#user !== undefined;
  }

  /** @throws {ClosedError} if the session has ended */
  requireOpen(): void {
    if (this.isClosing) throw new ClosedError(`${this.#kernel.label} session: it was closed`);
    this.#kernel.requireOpen();
  }

  /** Resolves when the driver has carried out the operation. */
  async submit(user: SubmittedSession, data: AsyncData): Promise<void> {
    const call = asyncCall(this.#kernel.file.host, this.#kernel.id, data);
    this.#inFlight += 1;
    this.#user = user;
    try {
      await this.#queue.submit(call);
      this.#kernel.statistics?.add(data.src.length, false);
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) {
        this.#user = undefined;
        if (this.isClosing) this.#kernel.end("it was closed");
      }
    }
  }
}

/** The common base of sessions whose operations the driver runs asynchronously. */
export abstract class SubmittedSession extends Session {
  readonly #operations: SubmittedOperations;

  /** @internal */
  protected constructor(kernel: KernelSession, operations: SubmittedOperations) {
    super(kernel);
    this.#operations = operations;
  }

  /** Whether the session has ended. */
  override get closed(): boolean {
    return this.#operations.isClosing || super.closed;
  }

  /**
   * Asks the driver what serves the session (CIOCGSESSINFO).
   *
   * @throws {ClosedError} if the session has ended
   */
  override info(): SessionInfo {
    this.#operations.requireOpen();
    return super.info();
  }

  /** Ends the session, after its last operation. Ending it again does nothing. */
  override close(): void {
    this.#operations.isClosing = true;
    // The driver must not lose a session while it works for it.
    if (!this.#operations.isInUse) super.close();
  }
}
