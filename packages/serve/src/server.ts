import { close, existsSync, open } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Counters, type ServerStatistics } from "./counters.ts";
import { ServeError } from "./serve_error.ts";
import { type ServeOptions, type Settings, settingsOf } from "./settings.ts";
import { type ServerHost, serverHost } from "./syscalls.ts";
import { canUseCuse, openCuse } from "./transports/cuse.ts";
import { openFuse } from "./transports/fuse.ts";
import type { Transport } from "./transports/transport.ts";
import { workerUrl } from "./worker_url.ts";

/**
 * How a server ended: it was stopped, a call that would crash a kernel ended it, or the kernel removed the device, as
 * `umount` does.
 */
export type ServerEnd = "stopped" | "crash" | "gone";

/** A message from the serving thread. */
export type WorkerMessage = "ready" | "crash" | "gone";

/** The parameters of the serving thread. */
export interface ThreadTask extends Omit<Settings, "transport"> {
  readonly fd: number;
  readonly stop: Int32Array;
  readonly counters: SharedArrayBuffer;
}

/**
 * Returns the URL of the thread's module. In a bundle the file next to this one may be the bundle itself, which would
 * start itself endlessly.
 *
 * @throws {ServeError} if the module is not next to this one
 */
function workerBeside(url: string): URL {
  const worker = workerUrl(url, "worker");
  const isOurs = /\/server\.[jt]s$/.test(url) && (!worker.startsWith("file:") || existsSync(fileURLToPath(worker)));
  if (isOurs) return new URL(worker);
  throw new ServeError(
    "the worker of @cryptodev/serve is not next to this module, because bundlers omit it; mark @cryptodev/serve as external",
  );
}

/** How long a stopped thread may take to end, and how often it is woken meanwhile, in milliseconds. */
const PATIENCE = 5000;
const KNOCK = 250;

/**
 * A served device: a file that any program can open and send ioctls to.
 *
 * @example
 * ```ts
 * import { Server, ServeError } from "cryptodev/serve";
 *
 * try {
 *   const server = await Server.start({ path: "/tmp/crypto-of-an-example" });
 *   console.log(server.statistics().files === 0);
 *   await server.stop();
 * } catch (error) {
 *   // Without root it needs a namespace, which `cryptodev serve -- program` makes.
 *   if (!(error instanceof ServeError)) throw error;
 * }
 * ```
 */
export class Server {
  /** The path of the device. */
  readonly path: string;
  /** The transport that carries the calls. */
  readonly transport: "fuse" | "cuse";
  /**
   * Resolves when the server has ended and nothing of it is left. Rejects if an error of the server itself ended it.
   */
  readonly ended: Promise<ServerEnd>;

  readonly #transport: Transport;
  readonly #worker: Worker;
  readonly #stop: Int32Array;
  readonly #counters: Counters;

  private constructor(host: ServerHost, transport: Transport, options: Settings) {
    const { path, onCrash, device, faults } = options;
    this.path = path;
    this.transport = transport.name;
    this.#transport = transport;
    this.#stop = new Int32Array(new SharedArrayBuffer(4));
    this.#counters = new Counters();
    const counters = this.#counters.shared;
    const workerData: ThreadTask = { fd: transport.fd, path, stop: this.#stop, counters, onCrash, device, faults };
    this.#worker = new Worker(workerBeside(import.meta.url), { workerData });
    this.ended = this.#watch(host);
    this.ended.catch(() => {});
  }

  /**
   * Serves a device until it is stopped.
   *
   * @returns the server, once programs can open the device
   * @throws {ServeError} if the device cannot be served; the message says what to do about it
   * @throws {UnsupportedError} if libc cannot be reached
   * @throws {TypeError} if an option has the wrong type
   * @throws {RangeError} if an option is out of range, or names something that does not exist
   */
  static async start(options: ServeOptions = {}): Promise<Server> {
    const settings = settingsOf(options);
    workerBeside(import.meta.url);
    const { path } = settings;
    const host = serverHost();
    const transport = settings.transport ?? (canUseCuse(path) ? "cuse" : "fuse");
    const opened = transport === "cuse" ? openCuse(host, path) : openFuse(host, path);
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

  /** Returns what the server has done so far. */
  statistics(): ServerStatistics {
    return this.#counters.read();
  }

  /**
   * Stops the server. From now on, calls on files that are still open fail with ENOTCONN.
   *
   * @throws {ServeError} if the serving thread does not respond; it ends with the process
   */
  async stop(): Promise<void> {
    Atomics.store(this.#stop, 0, 1);
    for (let waited = 0; waited < PATIENCE; waited += KNOCK) {
      // The thread sleeps in read(2) until the device is called, so call it.
      open(this.#transport.knockAt(), "r", (error, fd) => {
        // Close only after the server has ended: until then close(2) would block on a FUSE reply that the stopped
        // thread never sends.
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
        else reject(new ServeError(`the kernel did not accept ${this.path} over ${this.transport}`));
      });
      this.ended.catch(reject);
    });
  }

  async #watch(host: ServerHost): Promise<ServerEnd> {
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
      host.close(this.#transport.fd);
      await this.#transport.remove();
    }
    if (last === "crash") return "crash";
    return Atomics.load(this.#stop, 0) === 1 ? "stopped" : "gone";
  }
}
