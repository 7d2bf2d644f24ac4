import { existsSync } from "node:fs";
import nodeModule from "node:module";
import { setTimeout } from "node:timers/promises";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { ClosedError, UnsupportedError } from "@cryptodev/core";
import { type AbortSignalLike, type Executor, type Operation, reasonOf, type SessionStart } from "./executor.ts";
import { hostOf } from "./hosts.ts";
import { programPrefix } from "./program_url.ts";
import {
  type Answer,
  fromFailure,
  fromWire,
  held,
  type Job,
  type Started,
  startKey,
  toWire,
  type WorkerOptions,
  type WorkerStart,
} from "./protocol.ts";
import { workerProgram } from "./worker_program.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The interval at which to check whether a thread has ended, in milliseconds. */
const PAUSE = 10;

/** A worker thread and its pending jobs. An idle worker does not keep the process alive. */
export class Remote implements Executor {
  readonly #worker: Worker;
  readonly #runtime: string;
  readonly #held = new Int32Array(new SharedArrayBuffer(8)).fill(-1);
  readonly #waiting = new Map<number, Waiting>();
  /** The worker's first message: resolves when its device is open, rejects if opening it failed. */
  readonly ready: Promise<unknown>;
  readonly #gone: Promise<void>;
  #count = 0;
  #whenIdle: (() => void) | undefined;
  #lost: Error | undefined;

  constructor(runtime: string, options: WorkerOptions) {
    requireOtherThread();
    this.#runtime = runtime;
    this.#worker = startWorker({ options, runtime, held: this.#held });
    this.ready = this.#wait(this.#nextId());
    this.ready.catch(() => {});
    this.#worker.on("message", (answer: Answer) => {
      const waiting = this.#take(answer.id);
      if ("failure" in answer) waiting?.reject(fromFailure(answer.failure));
      else waiting?.resolve(fromWire(answer.result));
    });
    this.#worker.on("error", (error: Error) => this.#lose(error));
    this.#worker.on("messageerror", (error: Error) => this.#lose(error));
    this.#gone = new Promise<void>((resolve) => this.#worker.on("exit", resolve)).then(() => {
      this.#lose(new ClosedError("the worker thread has ended"));
      return this.#closeLeft();
    });
  }

  async start({ key, ...start }: SessionStart): Promise<Started> {
    // Shared, not transferred: a transferred key could not be wiped if the thread ends before it gets the message.
    const shared = key === undefined ? undefined : new Uint8Array(new SharedArrayBuffer(key.length));
    try {
      shared?.set(key as Uint8Array);
      return (await this.#request({ kind: "start", ...start, key: shared?.buffer })) as Started;
    } finally {
      shared?.fill(0);
    }
  }

  async operate({ args, ...operation }: Operation, signal?: AbortSignalLike): Promise<unknown> {
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const transfer = args.flatMap((view) => (view === undefined ? [] : [view.buffer]));
    const job: Job = { kind: "operation", ...operation, args: args.map(toWire), cancelled };
    if (signal === undefined) return this.#request(job, transfer);
    if (signal.aborted) throw signal.reason;
    const id = this.#nextId();
    const cancel = () => {
      Atomics.store(cancelled, 0, 1);
      this.#take(id)?.reject(reasonOf(signal));
    };
    // Before anything is posted: a signal that the program implements may throw, or call the listener at once.
    signal.addEventListener("abort", cancel);
    try {
      if (Atomics.load(cancelled, 0) === 1) throw reasonOf(signal);
      return await this.#request(job, transfer, id);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  async close(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    try {
      if (this.#lost === undefined) await this.#end();
    } finally {
      await this.#worker.terminate();
      await this.#gone;
    }
  }

  /** Tells the worker to close its device. A worker that ends meanwhile does not have a device to close. */
  async #end(): Promise<void> {
    const ending = this.#request({ kind: "end" });
    this.#lost = new ClosedError("the device was closed");
    await ending.catch((error) => {
      if (error !== this.#lost) throw error;
    });
  }

  async #request(job: Job, transfer: readonly ArrayBuffer[] = [], id: number = this.#nextId()): Promise<unknown> {
    if (this.#lost !== undefined) throw this.#lost;
    this.#worker.postMessage({ ...job, id }, [...transfer]);
    // Only after posting: a job that could not be posted is never answered, and close() would wait for it.
    return this.#wait(id);
  }

  /** Numbers jobs. 0 is the worker's first message, which answers no job. */
  #nextId(): number {
    const id = this.#count;
    this.#count += 1;
    return id;
  }

  #wait(id: number): Promise<unknown> {
    const promise = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
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
 * Returns a URL or path from which Node.js resolves koffi, a dependency of `@cryptodev/node`: the program of a worker
 * is text, without a location of its own.
 */
function baseOfKoffi(): string | undefined {
  // A bundle has koffi beside itself or, as a CommonJS bundle does not know its own URL, beside the program.
  const places = [import.meta.url, process.argv[1]];
  for (const place of [...places.map((from) => locate("@cryptodev/node", from)), ...places]) {
    if (locate("koffi", place) !== undefined) return place;
  }
  return import.meta.url;
}

/** Resolves a package from a module; `undefined` if it is not found. */
function locate(name: string, from: string | undefined): string | undefined {
  try {
    return nodeModule.createRequire(from as string).resolve(name);
  } catch {
    return undefined;
  }
}
