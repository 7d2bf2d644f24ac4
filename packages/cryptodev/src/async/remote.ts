import { Worker } from "node:worker_threads";
import { ClosedError, UnsupportedError, workerUrl } from "@cryptodev/core";
import type { AbortSignalLike, Executor, SessionJob } from "./executor.ts";
import { type Answer, fromFailure, fromWire, toWire, type WorkerOptions } from "./protocol.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A worker, and what is waited for. The process does not live on for a worker that has nothing to do. */
export class Remote implements Executor {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #whenIdle: (() => void) | undefined;
  #lost: Error | undefined;

  constructor(options: WorkerOptions) {
    try {
      this.#worker = new Worker(new URL(workerUrl(import.meta.url, "worker")), { workerData: options });
    } catch (cause) {
      const remedy = "in Deno, allow the package to read its own files: --allow-read";
      throw new UnsupportedError("a worker thread cannot be started here", { cause, remedy });
    }
    this.#worker.on("message", (answer: Answer) => {
      const waiting = this.#take(answer.id);
      if ("failure" in answer) waiting?.reject(fromFailure(answer.failure));
      else waiting?.resolve(fromWire(answer.result));
    });
    this.#worker.on("error", (error: Error) => this.#lose(error));
    this.#worker.on("exit", () => this.#lose(new ClosedError("the worker thread has ended")));
  }

  /** What the worker says first: what it opened, or why it could not. */
  ready(): Promise<unknown> {
    return this.#wait().promise;
  }

  async call(job: SessionJob, transfer: readonly ArrayBuffer[], signal?: AbortSignalLike): Promise<unknown> {
    if (this.#lost !== undefined) throw this.#lost;
    if (signal?.aborted === true) throw signal.reason;
    const { id, promise } = this.#wait();
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const cancel = () => {
      Atomics.store(cancelled, 0, 1);
      this.#take(id)?.reject(signal?.reason);
    };
    signal?.addEventListener("abort", cancel);
    try {
      this.#worker.postMessage({ ...job, args: job.args.map(toWire), id, cancelled }, [...transfer]);
      return await promise;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  async close(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.#lost ??= new ClosedError("the device was closed");
    await this.#worker.terminate();
  }

  #wait(): { readonly id: number; readonly promise: Promise<unknown> } {
    const id = this.#count;
    this.#count += 1;
    const promise = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    if (this.#waiting.size === 1) this.#worker.ref();
    return { id, promise };
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
}
