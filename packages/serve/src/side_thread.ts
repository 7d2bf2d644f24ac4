import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Argument } from "@cryptodev/core/host";
import { ServeError } from "./serve_error.ts";
import type { ServerHost } from "./syscalls.ts";

/** `EFD_CLOEXEC` of `<sys/eventfd.h>`: O_CLOEXEC. */
const EFD_CLOEXEC = 0o2000000;

/** How long a thread may take to end, in milliseconds. */
const PATIENCE = 5000;

/** A thread of the server next to the one that serves the device. It sleeps until one of its descriptors is readable. */
export class SideThread {
  readonly #host: ServerHost;
  readonly #wake: number;
  readonly #exited: Promise<unknown>;

  private constructor(host: ServerHost, wake: number, exited: Promise<unknown>) {
    this.#host = host;
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
    const wake = host.eventfd(0, EFD_CLOEXEC);
    const thread = new Worker(worker, { workerData: taskWith(wake) });
    const exited = once(thread, "exit");
    await Promise.race([once(thread, "message"), exited]);
    return new SideThread(host, wake, exited);
  }

  /**
   * Ends the thread.
   *
   * @throws {ServeError} if it does not respond, because the memory of a caller does not arrive; it ends with the process
   */
  async stop(): Promise<void> {
    const one = new Argument(this.#host, { name: "count", fields: [["value", "u64"]] } as const);
    one.setUint64(one.offset.value, 1);
    this.#host.write(this.#wake, one.address, one.bytes.length);
    const patience = new AbortController();
    const late = sleep(PATIENCE, true, { signal: patience.signal }).catch(() => false);
    const isLate = await Promise.race([this.#exited.then(() => false), late]);
    patience.abort();
    if (isLate) throw new ServeError("a thread of the server does not respond");
    this.#host.close(this.#wake);
  }
}
