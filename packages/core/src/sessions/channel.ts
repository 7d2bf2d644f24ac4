import { COP_FLAG_NO_ZC } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCCRYPT } from "../abi/ioctls/CIOCCRYPT.ts";
import type { crypt_auth_op } from "../abi/structs/crypt_auth_op.ts";
import type { crypt_op } from "../abi/structs/crypt_op.ts";
import { wipe } from "../bytes.ts";
import type { Call } from "../call.ts";
import type { Descriptor } from "../descriptor.ts";
import { ClosedError, CryptodevError } from "../errors.ts";
import { StatisticsCounter } from "../statistics.ts";
import type { Submitter } from "./submitter.ts";

/**
 * What a session holds in the kernel, and its way there.
 *
 * It is apart from the session object for two reasons: it outlives it, so that a session which is dropped without being
 * closed can still be ended; and no program can reach it, so that nothing can step in between a check and its call.
 */
export class Channel {
  readonly id: number;
  readonly label: string;
  readonly descriptor: Descriptor;
  readonly statistics: StatisticsCounter | undefined;
  #release: () => void = () => {};
  #ended: string | undefined;
  #inFlight = 0;

  constructor(descriptor: Descriptor, id: number, label: string) {
    this.id = id;
    this.label = label;
    this.descriptor = descriptor;
    this.statistics = descriptor.options.statistics ? new StatisticsCounter() : undefined;
    descriptor.channels.add(this);
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
    this.#ended = why;
    this.descriptor.channels.delete(this);
    this.#release();
    // The driver must not lose a session that it is working for: the last operation ends it.
    if (this.#inFlight === 0) this.descriptor.finish(this.id);
  }

  /** Has the driver carry out an operation by itself. */
  async submit(submitter: Submitter, call: Call<typeof crypt_op>, size: number): Promise<void> {
    this.#inFlight += 1;
    try {
      await submitter.submit(call);
      this.statistics?.add(size, false);
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0 && this.#ended !== undefined) this.descriptor.finish(this.id);
    }
  }

  /** Ends the session of an object that is gone. Nobody is left whom an error could reach. */
  abandon(): void {
    if (this.#ended !== undefined) return;
    this.end("it was dropped");
    this.descriptor.warn(
      `a session of ${this.label} on ${this.descriptor.path} was dropped without close(); the kernel held it until now`,
    );
  }

  /** @throws `ClosedError` after the session's end */
  requireOpen(): void {
    if (this.#ended !== undefined) throw new ClosedError(`${this.label} session: ${this.#ended}`);
  }

  /** @throws `ClosedError` after the session's end; `CryptodevError` while the driver works for it by itself */
  requireIdle(): void {
    this.requireOpen();
    if (this.#inFlight === 0) return;
    const hint = `${this.#inFlight} asynchronous operations of this session are in flight; await them first`;
    throw this.descriptor.refusal(errnos.EBUSY, CIOCCRYPT.name, hint);
  }

  /** Sends a call of this session. */
  send(call: Call): number {
    this.requireOpen();
    return this.descriptor.ioctl(call);
  }

  /** Sends an operation over `size` bytes of data. */
  operate(call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>, size: number): void {
    this.send(call);
    this.statistics?.add(size, (call.getUint16(call.offset.flags) & COP_FLAG_NO_ZC) !== 0);
  }

  /** The same; what a refused operation may have left in the first bytes of `destination`, if any, is wiped. */
  operateOrWipe(
    call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>,
    size: number,
    destination: Uint8Array,
    written: number,
  ): void {
    try {
      this.operate(call, size);
    } catch (error) {
      if (error instanceof CryptodevError) wipe(destination, written);
      throw error;
    }
  }
}
