import { availableParallelism } from "node:os";
import { Event } from "../event.ts";
import type { Log } from "../log.ts";
import { Progress } from "../progress.ts";
import { SideThread } from "../side_thread.ts";
import type { ServerHost } from "../syscalls.ts";
import { Watchdog } from "../watchdog.ts";
import { cancel, type SharedHelper } from "./helper.ts";
import type { HelperTask } from "./helper_thread.ts";
import { Mailbox } from "./mailbox.ts";

/** One for each processor next to that of the serving thread. */
const MAX_HELPERS = 3;

/** What helpers need of their server. */
export interface HelperThreadsOptions {
  readonly host: ServerHost;
  /** The descriptor over which the protocol is spoken. */
  readonly fd: number;
  /** The module of the threads. */
  readonly worker: URL;
  readonly log: Log;
}

/** The threads of the helpers, which are started one by one when the serving thread could use another one. */
export class HelperThreads {
  readonly shared: readonly SharedHelper[];
  readonly #options: HelperThreadsOptions;
  readonly #done: Event;
  readonly #starts: readonly Event[];
  readonly #threads: Promise<SideThread>[] = [];
  readonly #watchdogs: Watchdog[] = [];

  constructor(options: HelperThreadsOptions) {
    const { host } = options;
    this.#options = options;
    this.#done = new Event(host);
    this.#starts = Array.from({ length: Math.min(MAX_HELPERS, availableParallelism() - 1) }, () => new Event(host));
    this.shared = this.#starts.map(({ fd }) => ({
      state: new Int32Array(new SharedArrayBuffer(4)),
      mailbox: new Mailbox().shared,
      progress: new Progress().shared,
      start: fd,
    }));
  }

  /** The descriptor of the event that a helper raises when it has done something. */
  get done(): number {
    return this.#done.fd;
  }

  /** Starts one more. */
  add(): void {
    const { host, fd, worker, log } = this.#options;
    const helper = this.shared[this.#threads.length];
    if (helper === undefined) return;
    const task = (wake: number): { readonly help: HelperTask } => ({ help: { wake, done: this.done, helper } });
    this.#threads.push(SideThread.start(host, worker, task));
    // If a helper is lost to a caller, the server continues without it.
    this.#watchdogs.push(new Watchdog({ host, fd, progress: new Progress(helper.progress), log }));
  }

  /** @throws {ServeError} if one of them does not respond; it ends with the process */
  async stop(): Promise<void> {
    for (const { state } of this.shared) cancel(state);
    for (const watchdog of this.#watchdogs) watchdog.stop();
    await Promise.all(this.#threads.map(async (thread) => (await thread).stop()));
    for (const event of [this.#done, ...this.#starts]) event.close();
  }
}
