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
 * What a session holds in the kernel, and its way there.
 *
 * It is apart from the session object for two reasons: it outlives it, so that a session which is dropped without being
 * closed can still be ended; and no program can reach it, so that nothing can step in between a check and its call.
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

  /** Why it ended; `undefined` while it goes on. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Has something done when the session ends, such as letting go of buffers. */
  onEnd(release: () => void): void {
    this.#release = release;
  }

  /** Ends the kernel's session, once. `why` is what later uses are told. */
  end(why: string): void {
    if (this.#ended !== undefined) return;
    this.file.requireFree();
    this.#ended = why;
    this.file.sessions.delete(this);
    this.#release();
    // The driver must not lose a session that it is working for: the last operation ends it.
    if (this.#inFlight === 0) this.file.finish(this.id);
  }

  /** Has the driver carry out an operation by itself. */
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

  /** Ends the session of an object that is gone. Nobody is left whom an error could reach. */
  abandon(): void {
    if (this.#ended !== undefined) return;
    this.end("it was dropped");
    this.file.warn(
      `a session of ${this.label} on ${this.file.path} was dropped without close(); the kernel held it until now`,
    );
  }

  /** @throws `ClosedError` after the session's end; `CryptodevError` in the middle of another call of its device */
  requireOpen(): void {
    if (this.#ended !== undefined) throw new ClosedError(`${this.label} session: ${this.#ended}`);
    this.file.requireFree();
  }

  /** @throws as {@link KernelSession.requireOpen}; `CryptodevError` while the driver works for it by itself */
  requireIdle(): void {
    this.requireOpen();
    if (this.#inFlight === 0) return;
    const hint = `${this.#inFlight} asynchronous operations of this session are in flight; await them first`;
    throw this.file.refusal(errnos.EBUSY, CIOCCRYPT.name, hint);
  }

  /** Sends an operation over `size` bytes of data, for which it was asked whether the session is open. */
  operate(call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>, size: number): void {
    this.file.send(call);
    this.statistics?.add(size, (call.getUint16(call.offset.flags) & COP_FLAG_NO_ZC) !== 0);
  }

  /** Asks what serves the session (CIOCGSESSINFO). */
  info(): Call<typeof session_info_op> {
    const call = new Call(this.file.host, CIOCGSESSINFO);
    call.setUint32(call.offset.ses, this.id);
    // A positive answer is the count of bytes that the kernel could not write.
    if (this.file.send(call) > 0) {
      throw this.file.refusal(errnos.EFAULT, CIOCGSESSINFO.name, "the answer could not be written");
    }
    return call;
  }
}
