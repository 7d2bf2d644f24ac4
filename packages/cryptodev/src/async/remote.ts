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

/** How often to look whether a thread has ended, in milliseconds. */
const PAUSE = 10;

/** A worker, and what is waited for. The process does not live on for a worker that has nothing to do. */
export class Remote implements Executor {
  readonly #worker: Worker;
  readonly #runtime: string;
  readonly #held = new Int32Array(new SharedArrayBuffer(8)).fill(-1);
  readonly #waiting = new Map<number, Waiting>();
  /** What the worker says first: what it opened, or why it could not. */
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
    // A key that was transferred could not be wiped any more if the thread is lost before it has the message.
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
    // Before anything is sent: a signal of the program's own making may throw, or call at once.
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

  /** Has the worker close its device. One that is lost meanwhile has nothing left that it could close. */
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
    // Only now: what could not be posted is never answered, and close() would wait for it.
    return this.#wait(id);
  }

  /** The worker's first message, which nobody asked for, has the number 0. */
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
    // The answer to what was aborted, which nobody waits for: close() may hold on to the worker by now.
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
   * Closes the descriptor that a thread left which was terminated or lost: it is the process's, not the thread's. Deno and
   * Bun report the end of a thread that is still inside a system call, so the kernel is asked whether it has ended.
   */
  async #closeLeft(): Promise<void> {
    const [descriptor, thread] = [Atomics.load(this.#held, held.descriptor), Atomics.load(this.#held, held.thread)];
    if (descriptor < 0 || thread < 0) return;
    while (existsSync(`/proc/self/task/${thread}`)) await setTimeout(PAUSE);
    try {
      hostOf(this.#runtime).close(descriptor);
    } catch {
      // Nobody is left whom an error could reach.
    }
  }
}

/** A program that is preloaded, as by `--import`, is run in our threads too, and must not start more of them. */
function requireOtherThread(): void {
  if (isMainThread || workerData === null || typeof workerData !== "object" || !Object.hasOwn(workerData, startKey)) {
    return;
  }
  throw new UnsupportedError("openAsync() was called in a thread that openAsync() started", {
    remedy: "a module that is preloaded (--import, --require) is run in every thread; call it only if isMainThread",
  });
}

function startWorker(start: WorkerStart): Worker {
  const base = start.runtime.startsWith("Node.js") ? baseOfKoffi() : import.meta.url;
  const program = encodeURIComponent(`${JSON.stringify(base)};${workerProgram}`);
  const options = { __proto__: null, workerData: { [startKey]: start } };
  try {
    return new Worker(new URL(`${programPrefix}${program}`), options);
  } catch (cause) {
    throw new UnsupportedError("a worker thread cannot be started here", { cause });
  }
}

/** From where Node.js finds koffi, on which `@cryptodev/node` depends: the text of a worker lies nowhere. */
function baseOfKoffi(): string | undefined {
  // A bundle has koffi beside itself, or beside the program: in CommonJS format it does not know its own URL.
  const places = [import.meta.url, process.argv[1]];
  for (const place of [...places.map((from) => locate("@cryptodev/node", from)), ...places]) {
    if (locate("koffi", place) !== undefined) return place;
  }
  return import.meta.url;
}

/** Where a package is, seen from a module; `undefined` if it is not found. */
function locate(name: string, from: string | undefined): string | undefined {
  try {
    return nodeModule.createRequire(from as string).resolve(name);
  } catch {
    return undefined;
  }
}
