import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Argument } from "@cryptodev/core/host";
import { ServeError } from "../serve_error.ts";
import type { ServerHost } from "../syscalls.ts";
import { DirectCalls } from "./direct_calls.ts";
import { installFilter } from "./filter.ts";

/** `EFD_CLOEXEC` of `<sys/eventfd.h>`: O_CLOEXEC. */
const EFD_CLOEXEC = 0o2000000;

/** The parameters of the thread. */
export interface CloneTask {
  /** The served device, as {@link DirectCalls.deviceOf} identifies it. */
  readonly device: string;
  /** A descriptor that becomes readable when the thread is to end. */
  readonly wake: number;
  /** Where the thread stores its number. */
  readonly cloner: Int32Array;
  /** Where the main thread stores the descriptor of the listener; negative if there is none. */
  readonly listener: Int32Array;
}

/** The thread that answers CRIOGET of programs to which a filter applies. */
export class CloneThread {
  readonly #host: ServerHost;
  readonly #wake: number;
  readonly #exited: Promise<unknown>;

  private constructor(host: ServerHost, wake: number, exited: Promise<unknown>) {
    this.#host = host;
    this.#wake = wake;
    this.#exited = exited;
  }

  /**
   * Starts the thread, then installs the filter. The thread is older than the filter, because it uses CRIOGET itself.
   *
   * @param file - a descriptor of the served file
   * @param worker - the module of the thread
   * @throws {ServeError} if this system cannot do that
   */
  static async start(host: ServerHost, file: number, worker: URL, cloner: Int32Array): Promise<CloneThread> {
    const calls = DirectCalls.on(host);
    const device = calls?.deviceOf(file);
    if (calls === undefined || device === undefined) {
      throw new ServeError(`CRIOGET fails with EOPNOTSUPP: it is not supported on ${process.arch}`);
    }
    const wake = host.eventfd(0, EFD_CLOEXEC);
    const listener = new Int32Array(new SharedArrayBuffer(4));
    const task: CloneTask = { device, wake, cloner, listener };
    const handOver = (fd: number): void => {
      Atomics.store(listener, 0, fd);
      Atomics.notify(listener, 0);
    };
    const thread = new Worker(worker, { workerData: { clones: task } });
    const exited = once(thread, "exit");
    const started = new CloneThread(host, wake, exited);
    try {
      await Promise.race([once(thread, "message"), exited]);
      handOver(installFilter(host, calls));
      return started;
    } catch (error) {
      handOver(-1);
      await exited;
      host.close(wake);
      throw error;
    }
  }

  /** Ends the thread. From now on, CRIOGET fails with ENOSYS in the programs to which the filter applies. */
  async stop(): Promise<void> {
    const one = new Argument(this.#host, { name: "count", fields: [["value", "u64"]] } as const);
    one.setUint64(one.offset.value, 1);
    this.#host.write(this.#wake, one.address, 8);
    await this.#exited;
    this.#host.close(this.#wake);
  }
}
