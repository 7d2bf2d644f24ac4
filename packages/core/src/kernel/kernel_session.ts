import { COP_FLAG_NO_ZC } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCCRYPT, CIOCGSESSINFO } from "../abi/ioctls.ts";
import type { crypt_auth_op, crypt_op, session_info_op } from "../abi/structs.ts";
import { ClosedError } from "../errors.ts";
import { Call } from "../memory/call.ts";
import { StatisticsCounter } from "../statistics.ts";
import type { DeviceFile } from "./device_file.ts";
import type { Submitter } from "./submitter.ts";

/**
 * The kernel's side of a session, and the way to it.
 *
 * It is separate from the session object for two reasons. It outlives that object, so a session that is dropped without
 * being closed can still be ended. And no program can reach it, so nothing can run between a check and its call.
 */
export class KernelSession {
  readonly id: number;
  readonly label: string;
  readonly file: DeviceFile;
  readonly statistics: StatisticsCounter | undefined;
  #release: () => void = () => {};
  #ended: string | undefined;
  #inFlight = 0;

  constructor(file: DeviceFile, id: number, label: string) {
    this.id = id;
    this.label = label;
    this.file = file;
    this.statistics = file.options.statistics ? new StatisticsCounter() : undefined;
    file.sessions.add(this);
  }

  /** Why the session ended; `undefined` while it is open. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Registers a function to run when the session ends, for example to release buffers. */
  onEnd(release: () => void): void {
    this.#release = release;
  }

  /** Ends the kernel's session, once. `why` is part of the error that later uses throw. */
  end(why: string): void {
    if (this.#ended !== undefined) return;
    this.file.requireFree();
    this.#ended = why;
    this.file.sessions.delete(this);
    this.#release();
    // The driver must not lose a session while it works for it: the last operation ends the session.
    if (this.#inFlight === 0) this.file.finish(this.id);
  }

  /** Has the driver carry out an operation asynchronously. */
  async submit(submitter: Submitter, call: Call<typeof crypt_op>, size: number): Promise<void> {
    this.#inFlight += 1;
    try {
      await submitter.submit(call, this.file);
      this.statistics?.add(size, false);
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0 && this.#ended !== undefined) this.file.finish(this.id);
    }
  }

  /** Ends the session of an object that was collected. An error would not reach anybody. */
  abandon(): void {
    if (this.#ended !== undefined) return;
    this.end("it was dropped");
    this.file.warn(
      `a session of ${this.label} on ${this.file.path} was dropped without close(); the kernel held it until now`,
    );
  }

  /**
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBUSY` during another call of its device
   */
  requireOpen(): void {
    if (this.#ended !== undefined) throw new ClosedError(`${this.label} session: ${this.#ended}`);
    this.file.requireFree();
  }

  /**
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} with `EBUSY` during another call of its device, or while asynchronous operations are in
   * flight
   */
  requireIdle(): void {
    this.requireOpen();
    if (this.#inFlight === 0) return;
    const hint = `${this.#inFlight} asynchronous operations of this session are in flight; await them first`;
    throw this.file.refusal(errnos.EBUSY, CIOCCRYPT.name, hint);
  }

  /** Sends an operation over `size` bytes of data. The caller has checked that the session is open. */
  operate(call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>, size: number): void {
    this.file.send(call);
    this.statistics?.add(size, (call.getUint16(call.offset.flags) & COP_FLAG_NO_ZC) !== 0);
  }

  /** Asks what serves the session (CIOCGSESSINFO). */
  info(): Call<typeof session_info_op> {
    const call = new Call(this.file.host, CIOCGSESSINFO);
    call.setUint32(call.offset.ses, this.id);
    // A positive result is the number of bytes that the kernel could not write.
    if (this.file.send(call) > 0) {
      throw this.file.refusal(errnos.EFAULT, CIOCGSESSINFO.name, "the answer could not be written");
    }
    return call;
  }
}
