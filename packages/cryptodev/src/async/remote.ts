import { existsSync } from "node:fs";
import nodeModule from "node:module";
import { setTimeout } from "node:timers/promises";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { ClosedError, type Device, UnsupportedError } from "@cryptodev/core";
import { type AbortSignalLike, type Executor, reasonOf, type Started } from "./executor.ts";
import { hostOf } from "./hosts.ts";
import { Inline } from "./inline.ts";
import { programPrefix } from "./program_url.ts";
import {
  type Answer,
  type Argument,
  type CallMethod,
  DEVICE,
  fromFailure,
  fromWire,
  held,
  type Introduction,
  type Job,
  type Outcome,
  type StartMethod,
  startKey,
  toWire,
  type WorkerOptions,
  type WorkerStart,
} from "./protocol.ts";
import { workerProgram } from "./worker_program.ts";

interface Waiting {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** The interval at which to check whether a thread has ended, in milliseconds. */
const PAUSE = 10;

const CLOSED = "the device was closed";

/** A worker thread and its pending jobs. An idle worker does not keep the process alive. */
export class Remote implements Executor {
  readonly #worker: Worker;
  readonly #runtime: string;
  readonly #held = new Int32Array(new SharedArrayBuffer(8)).fill(-1);
  readonly #waiting = new Map<number, Waiting>();
  readonly #sessions = new Set<number>();
  /** The worker's first message: resolves when its device is open, rejects if opening it failed. */
  readonly ready: Promise<unknown>;
  /** Resolves when the thread has ended and nothing of it is open. */
  readonly gone: Promise<void>;
  #jobs = 0;
  #objects = DEVICE;
  #whenIdle: (() => void) | undefined;
  #lost: Error | undefined;
  #isClosing = false;

  readonly #inline: Inline | undefined;

  /** @param inline - the device for small operations, if they are done in this thread */
  constructor(runtime: string, options: WorkerOptions, inline: Device | undefined) {
    requireOtherThread();
    this.#runtime = runtime;
    this.#inline = inline === undefined ? undefined : new Inline(inline);
    this.#worker = startWorker({ options, runtime, held: this.#held });
    this.ready = this.#wait(this.#nextId());
    this.ready.catch((error) => {
      this.#lose(error);
      return this.#worker.terminate();
    });
    this.#worker.on("message", (answer: Answer) => {
      const waiting = this.#take(answer.id);
      if (answer.failure !== undefined) waiting?.reject(fromFailure(answer.failure));
      else waiting?.resolve({ result: fromWire(answer.result), statistics: answer.statistics });
    });
    this.#worker.on("error", (error: Error) => this.#lose(error));
    this.#worker.on("messageerror", (error: Error) => this.#lose(error));
    this.gone = new Promise<void>((resolve) => this.#worker.on("exit", resolve)).then(() => {
      this.#lose(new ClosedError("the worker thread has ended"));
      return this.#closeLeft();
    });
  }

  get closed(): boolean {
    return this.#isClosing || this.#lost !== undefined;
  }

  /** How many sessions are open in the thread. */
  get load(): number {
    return this.#sessions.size;
  }

  async start(of: number, method: StartMethod, args: readonly Argument[]): Promise<Started> {
    this.#requireOpen();
    this.#objects += 1;
    const object = this.#objects;
    // Before the thread answers, so that the next session can go to another one.
    if (method !== "encryptor" && method !== "decryptor") this.#sessions.add(object);
    try {
      this.#inline?.start(object, of, method, args);
      const transfer: ArrayBuffer[] = [];
      const wire = args.map((arg) => toWire(arg, transfer));
      const { result } = await this.#request({ kind: "start", object, of, method, args: wire }, transfer);
      return { object, ...(result as Introduction) };
    } catch (error) {
      this.#sessions.delete(object);
      this.#inline?.end(object);
      throw error;
    }
  }

  async call(of: number, method: CallMethod, args: readonly Argument[], signal?: AbortSignalLike): Promise<Outcome> {
    this.#requireOpen();
    const inline = this.#inline;
    if (inline?.accepts(of, method, args) !== true) {
      const answer = this.#post(of, method, args, signal);
      return inline === undefined ? answer : inline.during(of, method, answer);
    }
    if (signal?.aborted === true) throw reasonOf(signal);
    return inline.call(of, method, args);
  }

  /** Has the thread do a job. If this throws an error, instead of returning a promise, the thread did not get it. */
  #post(
    of: number,
    method: CallMethod,
    args: readonly Argument[],
    signal: AbortSignalLike | undefined,
  ): Promise<Outcome> {
    const transfer: ArrayBuffer[] = [];
    const wire = args.map((arg) => toWire(arg, transfer));
    if (signal === undefined) return this.#request({ kind: "call", of, method, args: wire }, transfer);
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const job: Job = { kind: "call", of, method, args: wire, cancelled };
    const id = this.#nextId();
    const cancel = () => {
      Atomics.store(cancelled, 0, 1);
      this.#take(id)?.reject(reasonOf(signal));
    };
    // Before anything is posted: a signal that the program implements may throw, or call the listener at once.
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel);
    const forget = () => signal.removeEventListener("abort", cancel);
    try {
      const answer = this.#request(job, transfer, id);
      // Posted anyway: the thread ends the message of a digest.
      if (Atomics.load(cancelled, 0) === 1) this.#take(id)?.reject(reasonOf(signal));
      return answer.finally(forget);
    } catch (error) {
      forget();
      throw error;
    }
  }

  async end(object: number): Promise<void> {
    this.#sessions.delete(object);
    this.#inline?.end(object);
    await this.#request({ kind: "close", of: object });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    try {
      if (this.#lost === undefined) await this.#closeDevice();
    } finally {
      await this.#worker.terminate();
      await this.gone;
    }
  }

  /** Has the worker close its device. A worker that ends meanwhile does not have a device to close. */
  async #closeDevice(): Promise<void> {
    const closing = this.#request({ kind: "close", of: DEVICE });
    this.#lost = new ClosedError(CLOSED);
    await closing.catch((error) => {
      if (error !== this.#lost) throw error;
    });
  }

  #requireOpen(): void {
    if (this.#lost !== undefined) throw this.#lost;
    // The thread closes its device as soon as it is idle, which it would never be if it accepted more jobs.
    if (this.#isClosing) throw new ClosedError(CLOSED);
  }

  #request(job: Job, transfer: ArrayBuffer[] = [], id: number = this.#nextId()): Promise<Outcome> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    try {
      this.#worker.postMessage({ ...job, id }, transfer);
    } catch (error) {
      // Some memory cannot be transferred, such as that of WebAssembly. A message without a transfer list copies it.
      if (transfer.length === 0) throw error;
      this.#worker.postMessage({ ...job, id });
    }
    // Only after posting: a job that could not be posted is never answered, and close() would wait for it.
    return this.#wait(id);
  }

  /** Numbers jobs. 0 is the worker's first message, which answers no job. */
  #nextId(): number {
    const id = this.#jobs;
    this.#jobs += 1;
    return id;
  }

  #wait(id: number): Promise<Outcome> {
    const promise = new Promise<Outcome>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    if (this.#waiting.size === 1) this.#worker.ref();
    return promise;
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    // The answer to an aborted job. It must not unref the worker, which close() may be waiting for by now.
    if (!this.#waiting.delete(id)) return undefined;
    if (this.#waiting.size === 0) {
      this.#worker.unref();
      this.#whenIdle?.();
    }
    return waiting;
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#inline?.close();
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(this.#lost);
  }

  /**
   * Closes the descriptor of a thread that was terminated or lost: descriptors belong to the process, not the thread.
   * Deno and Bun report the exit of a thread that is still inside a system call, so this asks the kernel whether it has
   * ended.
   */
  async #closeLeft(): Promise<void> {
    const [descriptor, thread] = [Atomics.load(this.#held, held.descriptor), Atomics.load(this.#held, held.thread)];
    if (descriptor < 0 || thread < 0) return;
    while (existsSync(`/proc/self/task/${thread}`)) await setTimeout(PAUSE);
    try {
      hostOf(this.#runtime).close(descriptor);
    } catch {
      // An error would not reach anybody.
    }
  }
}

/** A module that is preloaded, as by `--import`, also runs in our threads, and must not start more of them. */
function requireOtherThread(): void {
  if (isMainThread || workerData === null || typeof workerData !== "object" || !Object.hasOwn(workerData, startKey)) {
    return;
  }
  throw new UnsupportedError("threads", "openAsync() was called in a thread that openAsync() started", {
    remedy: "a preloaded module (--import, --require) runs in every thread; call openAsync() only if isMainThread",
  });
}

function startWorker(start: WorkerStart): Worker {
  const base = start.runtime.startsWith("Node.js") ? baseOfKoffi() : import.meta.url;
  const program = encodeURIComponent(`${JSON.stringify(base)};${workerProgram}`);
  const options = { __proto__: null, workerData: { [startKey]: start } };
  try {
    return new Worker(new URL(`${programPrefix}${program}`), options);
  } catch (cause) {
    throw new UnsupportedError("threads", "a worker thread cannot be started here", { cause });
  }
}

/**
 * Returns a URL or path from which Node.js resolves koffi: the program of a worker is text, without a location of its
 * own.
 */
function baseOfKoffi(): string | undefined {
  // A bundle has koffi beside itself or, as a CommonJS bundle does not know its own URL, beside the program.
  return [import.meta.url, process.argv[1]].find(findsKoffi) ?? import.meta.url;
}

function findsKoffi(place: string | undefined): boolean {
  try {
    nodeModule.createRequire(place as string).resolve("koffi");
    return true;
  } catch {
    return false;
  }
}
