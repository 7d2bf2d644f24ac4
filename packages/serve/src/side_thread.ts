import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Event } from "./event.ts";
import { ServeError } from "./serve_error.ts";
import type { ServerHost } from "./syscalls.ts";

/** How long a thread may take to end, in milliseconds. */
const PATIENCE = 5000;

/** A thread of the server next to the one that serves the device. It sleeps until one of its descriptors is readable. */
export class SideThread {
  readonly #wake: Event;
  readonly #exited: Promise<unknown>;

  private constructor(wake: Event, exited: Promise<unknown>) {
    this.#wake = wake;
    this.#exited = exited;
  }

  /**
   * Starts the thread, and waits for its first message.
   *
   * @param worker - its module
   * @param taskWith - returns its `workerData`, given a descriptor that becomes readable when it is to end
   */
  static async start(host: ServerHost, worker: URL, taskWith: (wake: number) => object): Promise<SideThread> {
    const wake = new Event(host);
    const thread = new Worker(worker, { workerData: taskWith(wake.fd) });
    const exited = once(thread, "exit");
    await Promise.race([once(thread, "message"), exited]);
    return new SideThread(wake, exited);
  }

  /**
   * Ends the thread.
   *
   * @throws {ServeError} if it does not respond, because the memory of a caller does not arrive; it ends with the process
   */
  async stop(): Promise<void> {
    this.#wake.raise();
    const patience = new AbortController();
    const late = sleep(PATIENCE, true, { signal: patience.signal }).catch(() => false);
    const isLate = await Promise.race([this.#exited.then(() => false), late]);
    patience.abort();
    if (isLate) throw new ServeError("a thread of the server does not respond");
    this.#wake.close();
  }
}
