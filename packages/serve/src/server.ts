import { close, existsSync, open } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type LibcHost, workerUrl } from "@cryptodev/core";
import type { Carrier } from "./carriers/carrier.ts";
import { canUseCuse, openCuse } from "./carriers/cuse.ts";
import { openFuse } from "./carriers/fuse.ts";
import { Counters, type ServerStatistics } from "./counters.ts";
import { libcHost } from "./libc.ts";
import { ServeError } from "./serve_error.ts";
import { type ServeOptions, type Settings, settingsOf } from "./settings.ts";

/** How a server ended: it was stopped, a hazard ended it, or the kernel took the device away, as `umount` does. */
export type ServerEnd = "stopped" | "hazard" | "gone";

/** What the serving thread says. */
export type WorkerMessage = "ready" | "hazard" | "gone";

/** What the serving thread is started with. */
export interface Task extends Omit<Settings, "carrier"> {
  readonly fd: number;
  readonly stop: Int32Array;
  readonly counters: SharedArrayBuffer;
}

/**
 * Where the thread's module is. In a bundle the file beside this one is not ours: it could be the bundle itself, which would
 * start itself without end.
 *
 * @throws {@link ServeError}
 */
function workerBeside(url: string): URL {
  const worker = workerUrl(url, "worker");
  const isOurs = /\/server\.[jt]s$/.test(url) && (!worker.startsWith("file:") || existsSync(fileURLToPath(worker)));
  if (isOurs) return new URL(worker);
  throw new ServeError(
    "the thread of @cryptodev/serve is not beside this module: a bundle leaves it out; mark @cryptodev/serve as external",
  );
}

/** How long a stopped thread may take, and how often it is called meanwhile, in milliseconds. */
const PATIENCE = 5000;
const KNOCK = 250;

/**
 * A served device: a file that any program can open, and send its ioctls to.
 *
 * @example
 * ```ts
 * import { Server, ServeError } from "@cryptodev/serve";
 *
 * try {
 *   const server = await Server.start({ path: "/tmp/crypto-of-an-example" });
 *   console.log(server.statistics().files === 0);
 *   await server.stop();
 * } catch (error) {
 *   // Without root it takes a namespace, which `cryptodev serve -- program` makes.
 *   if (!(error instanceof ServeError)) throw error;
 * }
 * ```
 */
export class Server {
  /** Where the device is. */
  readonly path: string;
  /** What carries the calls. */
  readonly carrier: "fuse" | "cuse";
  /** Resolves when the server has ended, and nothing of it is left. Rejects where it ended by a mistake of its own. */
  readonly ended: Promise<ServerEnd>;

  readonly #carrier: Carrier;
  readonly #worker: Worker;
  readonly #stop: Int32Array;
  readonly #counters: Counters;

  private constructor(host: LibcHost, carrier: Carrier, options: Settings) {
    const { path, onHazard, device, faults } = options;
    this.path = path;
    this.carrier = carrier.name;
    this.#carrier = carrier;
    this.#stop = new Int32Array(new SharedArrayBuffer(4));
    this.#counters = new Counters();
    const counters = this.#counters.shared;
    const workerData: Task = { fd: carrier.fd, path, stop: this.#stop, counters, onHazard, device, faults };
    this.#worker = new Worker(workerBeside(import.meta.url), { workerData });
    this.ended = this.#watch(host);
    this.ended.catch(() => {});
  }

  /**
   * Serves a device, until it is stopped.
   *
   * @throws {@link ServeError} where it cannot be, with what to do about it; `UnsupportedError` where libc is out of reach;
   * `TypeError`, `RangeError` for options of another type or range, and for names that do not exist
   */
  static async start(options: ServeOptions = {}): Promise<Server> {
    const settings = settingsOf(options);
    workerBeside(import.meta.url);
    const { path } = settings;
    const host = await libcHost();
    const carrier = settings.carrier ?? (canUseCuse(path) ? "cuse" : "fuse");
    const opened = carrier === "cuse" ? openCuse(host, path) : openFuse(host, path);
    const server = new Server(host, opened, settings);
    try {
      await server.#ready();
      await opened.settle();
    } catch (error) {
      await server.stop().catch(() => {});
      throw error;
    }
    return server;
  }

  /** What it did so far. */
  statistics(): ServerStatistics {
    return this.#counters.read();
  }

  /**
   * Ends it. Files that are still open answer ENOTCONN from now on.
   *
   * @throws {@link ServeError} where the serving thread cannot be reached; it ends with the process
   */
  async stop(): Promise<void> {
    Atomics.store(this.#stop, 0, 1);
    for (let waited = 0; waited < PATIENCE; waited += KNOCK) {
      // The thread sleeps until it is called, so it is called.
      open(this.#carrier.knockAt(), "r", (error, fd) => {
        // Closed when it is over: before, close(2) itself would wait for an answer, from a thread that gives no more.
        const closeIt = (): void => close(fd);
        if (error === null) this.ended.then(closeIt, closeIt);
      });
      if (await this.#endsWithin(KNOCK)) return;
    }
    throw new ServeError(`the server of ${this.path} did not stop within ${PATIENCE} ms`);
  }

  async #endsWithin(duration: number): Promise<boolean> {
    const patience = new AbortController();
    const late = sleep(duration, false, { signal: patience.signal }).catch(() => false);
    try {
      return await Promise.race([this.ended.then(() => true), late]);
    } finally {
      patience.abort();
    }
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#worker.on("message", (message: WorkerMessage) => {
        if (message === "ready") resolve();
        else reject(new ServeError(`the kernel did not take ${this.path} over ${this.carrier}`));
      });
      this.ended.catch(reject);
    });
  }

  async #watch(host: LibcHost): Promise<ServerEnd> {
    let last = "ready" as WorkerMessage;
    this.#worker.on("message", (message: WorkerMessage) => {
      last = message;
    });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#worker.once("error", reject);
        this.#worker.once("exit", () => resolve());
      });
    } finally {
      host.close(this.#carrier.fd);
      await this.#carrier.remove();
    }
    if (last === "hazard") return "hazard";
    return Atomics.load(this.#stop, 0) === 1 ? "stopped" : "gone";
  }
}
