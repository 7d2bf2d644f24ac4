import type { crypt_op } from "../abi/structs.ts";
import { ClosedError } from "../errors.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import type { SessionInfo } from "../kernel/session_info.ts";
import type { Call } from "../memory/call.ts";
import type { Statistics } from "../statistics.ts";
import { type AsyncData, asyncCall } from "./async_call.ts";
import type { SubmissionQueue } from "./submission_queue.ts";

/** The common base of sessions whose operations the driver runs asynchronously. */
export abstract class SubmittedSession {
  readonly #kernel: KernelSession;
  readonly #queue: SubmissionQueue;
  #inFlight = 0;
  #isClosing = false;

  /** @internal */
  protected constructor(kernel: KernelSession, queue: SubmissionQueue) {
    this.#kernel = kernel;
    this.#queue = queue;
    kernel.file.keepDeviceFor(this);
  }

  /** The kernel's number for the session, unique on its device. */
  get id(): number {
    return this.#kernel.id;
  }

  /** What the session has done so far; `undefined` unless the device was opened with `statistics`. */
  get statistics(): Statistics | undefined {
    return this.#kernel.statistics?.snapshot();
  }

  /** Whether the session has ended. */
  get closed(): boolean {
    return this.#isClosing || this.#kernel.ended !== undefined;
  }

  /**
   * Asks the driver what serves the session (CIOCGSESSINFO).
   *
   * @throws {ClosedError} if the session has ended
   */
  info(): SessionInfo {
    this.requireOpen();
    return this.#kernel.info();
  }

  /** Ends the session, after its last operation. Ending it again does nothing. */
  close(): void {
    this.#isClosing = true;
    // The driver must not lose a session while it works for it.
    if (this.#inFlight === 0) this.#kernel.end("it was closed");
  }

  /** @throws {ClosedError} if the session has ended */
  protected requireOpen(): void {
    if (this.#isClosing) throw new ClosedError(`${this.#kernel.label} session: it was closed`);
    this.#kernel.requireOpen();
  }

  /** Resolves when the driver has carried out the operation. */
  protected async submit(data: AsyncData): Promise<void> {
    const call: Call<typeof crypt_op> = asyncCall(this.#kernel.file.host, this.#kernel.id, data);
    this.#inFlight += 1;
    try {
      await this.#queue.submit(call);
      this.#kernel.statistics?.add(data.src.length, false);
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0 && this.#isClosing) this.#kernel.end("it was closed");
    }
  }
}
