import { setTimeout } from "node:timers/promises";
import { ClosedError, type Device, type SubmittedCipher, type SubmittedHash, type Submitter } from "@cryptodev/core";
import { type AbortSignalLike, type Executor, type Operation, reasonOf, type SessionStart } from "./executor.ts";
import { introduce, type Started } from "./protocol.ts";

/** The interval at which the driver is asked for finished operations, in milliseconds. */
const PAUSE = 1;

/** The operations of a cipher or a hash. */
interface Operations extends Pick<SubmittedCipher, "encrypt" | "decrypt" | "close">, Pick<SubmittedHash, "digest"> {}

/**
 * Lets the driver itself run operations asynchronously, if it was built with ENABLE_ASYNC. It supports ciphers, hashes
 * and HMACs this way, but not AEADs.
 */
export class Driver implements Executor {
  readonly #device: Device;
  readonly #submitter: Submitter;
  readonly #sessions = new Map<number, SubmittedCipher | SubmittedHash>();
  readonly #running = new Set<Promise<unknown>>();
  #isClosing = false;

  private constructor(device: Device, submitter: Submitter) {
    this.#device = device;
    this.#submitter = submitter;
  }

  /**
   * Takes over a device.
   *
   * @returns `undefined` if its driver cannot run operations asynchronously; the caller keeps the device
   */
  static of(device: Device): Driver | undefined {
    const submitter = device.submitter(() => setTimeout(PAUSE));
    return submitter === undefined ? undefined : new Driver(device, submitter);
  }

  async start({ session: id, method, name, key }: SessionStart): Promise<Started> {
    this.#requireOpen();
    const start = this.#submitter[method as "cipher"] as (
      ...values: readonly unknown[]
    ) => SubmittedCipher | SubmittedHash;
    const session = start.apply(this.#submitter, [name, key]);
    const introduction = introduce(session);
    this.#sessions.set(id, session);
    return introduction;
  }

  async operate(operation: Operation, signal?: AbortSignalLike): Promise<unknown> {
    this.#requireOpen();
    if (signal?.aborted === true) throw signal.reason;
    const result = this.#carryOut(operation);
    this.#running.add(result);
    const forget = () => this.#running.delete(result);
    result.then(forget, forget);
    return signal === undefined ? result : aborted(result, signal);
  }

  async #carryOut({ session: id, method, args }: Operation): Promise<unknown> {
    const session = this.#sessions.get(id) as unknown as Operations;
    const [first, second] = args as [Uint8Array, Uint8Array | undefined];
    switch (method) {
      case "encrypt":
        return session.encrypt(first, second);
      case "decrypt":
        return session.decrypt(first, second);
      case "digest":
        return session.digest(first);
      default:
        this.#sessions.delete(id);
        return session.close();
    }
  }

  #requireOpen(): void {
    if (this.#isClosing) throw new ClosedError("the device was closed");
  }

  async close(): Promise<void> {
    // An operation that started now would keep the device open, which cannot be closed while the driver works on it.
    this.#isClosing = true;
    await Promise.allSettled([...this.#running]);
    this.#device.close();
  }
}

/**
 * Waits for the result or the signal. The driver completes an aborted operation anyway, and its result is discarded.
 */
async function aborted(result: Promise<unknown>, signal: AbortSignalLike): Promise<unknown> {
  let abort = () => {};
  const reason = new Promise<never>((_, reject) => {
    abort = () => reject(reasonOf(signal));
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([result, reason]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
