import { setTimeout } from "node:timers/promises";
import { type Cipher, ClosedError, type Device, type Hash, type Submitter } from "@cryptodev/core";
import { type AbortSignalLike, type Executor, type Operation, reasonOf, type SessionStart } from "./executor.ts";
import { introduce, type Started } from "./protocol.ts";

/** How long to leave the driver alone before it is asked whether something is finished, in milliseconds. */
const PAUSE = 1;

/**
 * Has the driver itself work beside the program, where it was built for that (ENABLE_ASYNC). It knows ciphers, hashes and
 * HMACs; AEADs are not among its asynchronous operations.
 */
export class Driver implements Executor {
  readonly #device: Device;
  readonly #submitter: Submitter;
  readonly #sessions = new Map<number, Cipher | Hash>();
  readonly #running = new Set<Promise<unknown>>();
  #isClosing = false;

  private constructor(device: Device, submitter: Submitter) {
    this.#device = device;
    this.#submitter = submitter;
  }

  /** Takes a device over, if its driver can do it. */
  static of(device: Device): Driver | undefined {
    const submitter = device.submitter(() => setTimeout(PAUSE));
    return submitter === undefined ? undefined : new Driver(device, submitter);
  }

  async start({ session: id, method, name, key }: SessionStart): Promise<Started> {
    this.#requireOpen();
    const start = this.#device[method as "cipher"] as (...values: readonly unknown[]) => Cipher | Hash;
    const session = start.apply(this.#device, [name, key]);
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
    const session = this.#sessions.get(id) as Cipher & Hash;
    const [first, second] = args as [Uint8Array, Uint8Array | undefined];
    switch (method) {
      case "encrypt":
        return session.encryptAsync(this.#submitter, first, second);
      case "decrypt":
        return session.decryptAsync(this.#submitter, first, second);
      case "digest":
        return session.digestAsync(this.#submitter, first);
      default:
        this.#sessions.delete(id);
        return session.close();
    }
  }

  #requireOpen(): void {
    if (this.#isClosing) throw new ClosedError("the device was closed");
  }

  async close(): Promise<void> {
    // What began now would hold the device open: the driver may not lose it while it has operations.
    this.#isClosing = true;
    await Promise.allSettled([...this.#running]);
    this.#device.close();
  }
}

/** The result, unless the signal comes first: what the driver has begun it continues, and nobody looks at it. */
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
