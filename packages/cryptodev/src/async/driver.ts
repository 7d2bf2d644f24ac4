import { setTimeout } from "node:timers/promises";
import type { Cipher, Device, Hash, Submitter } from "@cryptodev/core";
import type { AbortSignalLike, Executor, SessionJob } from "./executor.ts";

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

  private constructor(device: Device, submitter: Submitter) {
    this.#device = device;
    this.#submitter = submitter;
  }

  /** Takes a device over, if its driver can do it. */
  static of(device: Device): Driver | undefined {
    const submitter = device.submitter(() => setTimeout(PAUSE));
    return submitter === undefined ? undefined : new Driver(device, submitter);
  }

  async call(job: SessionJob, _transfer: readonly ArrayBuffer[], signal?: AbortSignalLike): Promise<unknown> {
    if (signal?.aborted === true) throw signal.reason;
    const result = this.#carryOut(job);
    this.#running.add(result);
    const forget = () => this.#running.delete(result);
    result.then(forget, forget);
    return signal === undefined ? result : aborted(result, signal);
  }

  async #carryOut({ session: id, method, args, isStart }: SessionJob): Promise<unknown> {
    if (isStart) {
      const start = this.#device[method as "cipher"] as (...values: readonly unknown[]) => Cipher | Hash;
      try {
        const session = start.apply(this.#device, args as unknown[]);
        this.#sessions.set(id, session);
        return session.info();
      } finally {
        for (const arg of args) if (arg instanceof Uint8Array) arg.fill(0);
      }
    }
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

  async close(): Promise<void> {
    await Promise.allSettled([...this.#running]);
    this.#device.close();
  }
}

/** The result, unless the signal comes first: what the driver has begun it goes on with, and nobody looks at it. */
async function aborted(result: Promise<unknown>, signal: AbortSignalLike): Promise<unknown> {
  let abort = () => {};
  const reason = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([result, reason]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
