import { Event } from "../event.ts";
import type { Log } from "../log.ts";
import { Progress } from "../progress.ts";
import { ServeError } from "../serve_error.ts";
import { SideThread } from "../side_thread.ts";
import type { ServerHost } from "../syscalls.ts";
import { Watchdog } from "../watchdog.ts";
import { cancel, type SharedHelper, states } from "./helper.ts";
import type { HelperTask } from "./helper_thread.ts";
import { Mailbox } from "./mailbox.ts";

/** More would only wait for the memory of more callers. */
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
    this.#starts = Array.from({ length: MAX_HELPERS }, () => new Event(host));
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
    const watchdog = new Watchdog({ host, fd, progress: new Progress(helper.progress), log });
    watchdog.lost.catch(() => {
      // The server continues without it.
      Atomics.store(helper.state, 0, states.lost);
      this.#done.raise();
    });
    this.#watchdogs.push(watchdog);
  }

  /** @throws {ServeError} if one of them does not respond; it ends with the process */
  async stop(): Promise<void> {
    for (const { state } of this.shared) cancel(state);
    for (const watchdog of this.#watchdogs) watchdog.stop();
    const ended = this.#threads.map(async (thread, index) => {
      if (this.#watchdogs[index]?.isStuck) throw new ServeError("a thread of the server does not respond");
      await (await thread).stop();
    });
    for (const end of await Promise.allSettled(ended)) if (end.status === "rejected") throw end.reason;
    for (const event of [this.#done, ...this.#starts]) event.close();
  }
}
