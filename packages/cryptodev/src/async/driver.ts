import { setTimeout } from "node:timers/promises";
import {
  ClosedError,
  type Device,
  type SubmittedCipher,
  type SubmittedHash,
  type Submitter,
  UnsupportedError,
} from "@cryptodev/core";
import { type AbortSignalLike, type Executor, reasonOf, type Started } from "./executor.ts";
import {
  type Argument,
  answers,
  asReceived,
  type CallMethod,
  introduce,
  type Outcome,
  type StartMethod,
} from "./protocol.ts";

/** The interval at which the driver is asked for finished operations, in milliseconds. */
const PAUSE = 1;

function refuse(what: string): never {
  throw new UnsupportedError("function", `${what}: a driver runs only whole messages of ciphers and hashes by itself`, {
    remedy: "call openAsync() without submit, which runs everything in threads",
  });
}

/**
 * Has the driver itself run operations, if it was built with ENABLE_ASYNC. It accepts whole messages of ciphers, hashes
 * and HMACs, and nothing that continues from one operation to the next.
 */
export class Driver implements Executor {
  readonly #device: Device;
  readonly #submitter: Submitter;
  readonly #sessions = new Map<number, SubmittedCipher | SubmittedHash>();
  readonly #running = new Set<Promise<unknown>>();
  #objects = 0;
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

  get closed(): boolean {
    return this.#isClosing;
  }

  async start(_of: number, method: StartMethod, args: readonly Argument[]): Promise<Started> {
    this.#requireOpen();
    // The driver gets the keys as a thread does: in memory that is not shared.
    const session = asReceived(args, ([name, key]) => this.#start(method, name as never, key as Uint8Array));
    this.#objects += 1;
    this.#sessions.set(this.#objects, session);
    return { object: this.#objects, ...introduce(session) };
  }

  #start(method: StartMethod, name: never, key: Uint8Array): SubmittedCipher | SubmittedHash {
    if (method === "cipher") return this.#submitter.cipher(name, key);
    if (method === "hash") return this.#submitter.hash(name);
    if (method === "hmac") return this.#submitter.hmac(name, key);
    return refuse(`${method}()`);
  }

  async call(of: number, method: CallMethod, args: readonly Argument[], signal?: AbortSignalLike): Promise<Outcome> {
    this.#requireOpen();
    if (signal?.aborted === true) throw signal.reason;
    const running = this.#run(of, method, args);
    this.#running.add(running);
    const forget = () => this.#running.delete(running);
    running.then(forget, forget);
    return signal === undefined ? running : aborted(running, signal);
  }

  async #run(of: number, method: CallMethod, args: readonly Argument[]): Promise<Outcome> {
    if (method === "capabilities") {
      return { result: this.#device.capabilities(...(args as [])), statistics: undefined };
    }
    if (method === "answers") return { result: answers(this.#device, args[0]), statistics: undefined };
    const session = this.#sessions.get(of);
    if (session === undefined) throw new ClosedError("asynchronous session: it was closed");
    const result = method === "info" ? session.info() : await this.#operate(session, method, args);
    return { result, statistics: session.statistics };
  }

  async #operate(
    session: SubmittedCipher | SubmittedHash,
    method: CallMethod,
    args: readonly Argument[],
  ): Promise<Uint8Array> {
    const [data, iv] = args as [Uint8Array, Uint8Array | undefined];
    if ("digest" in session) {
      if (method === "digest") return session.digest(data ?? new Uint8Array(0));
    } else {
      if (method === "encrypt") return session.encrypt(data, iv);
      if (method === "decrypt") return session.decrypt(data, iv);
    }
    return refuse(`${method}() of ${session.name}`);
  }

  #requireOpen(): void {
    if (this.#isClosing) throw new ClosedError("the device was closed");
  }

  async end(object: number): Promise<void> {
    const session = this.#sessions.get(object);
    this.#sessions.delete(object);
    session?.close();
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
async function aborted(result: Promise<Outcome>, signal: AbortSignalLike): Promise<Outcome> {
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
