import { close, existsSync, open } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { errnoName, O_CLOEXEC } from "@cryptodev/core/abi";
import { startCloning } from "./clones/clone_thread.ts";
import { Counters, type ServerStatistics } from "./counters.ts";
import type { SharedHelper } from "./helpers/helper.ts";
import { HelperThreads } from "./helpers/helper_threads.ts";
import { Log } from "./log.ts";
import { MountedParameters } from "./parameters/parameter_thread.ts";
import { Progress } from "./progress.ts";
import { ServeError } from "./serve_error.ts";
import { type ServeOptions, type Settings, settingsOf } from "./settings.ts";
import type { SideThread } from "./side_thread.ts";
import { O_PATH, type ServerHost, serverHost } from "./syscalls.ts";
import { canUseCuse, openCuse } from "./transports/cuse.ts";
import { openFuse } from "./transports/fuse.ts";
import type { Transport } from "./transports/transport.ts";
import { Watchdog } from "./watchdog.ts";
import { workerUrl } from "./worker_url.ts";

/**
 * How a server ended: it was stopped, a call that would crash a kernel ended it, or the kernel removed the device, as
 * `umount` does.
 */
export type ServerEnd = "stopped" | "crash" | "gone";

/** A message from the serving thread; `help` asks for one more helper. */
export type WorkerMessage = "ready" | "help" | "crash" | "gone";

/** The parameters of the serving thread. */
export interface ThreadTask extends Omit<Settings, "transport"> {
  readonly fd: number;
  readonly stop: Int32Array;
  /** The number of the thread that clones descriptors; 0 if there is none. */
  readonly cloner: Int32Array;
  readonly counters: SharedArrayBuffer;
  readonly progress: Int32Array;
  readonly helpers: readonly SharedHelper[];
  /** The descriptor of the event that a helper raises when it has done something. */
  readonly helped: number;
  /** The current values of the parameters: `verbosity` and `enable_stats`. */
  readonly values: Int32Array;
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
    "the worker of cryptodev/serve is not next to this module, because bundlers omit it; mark cryptodev/serve as external",
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
   * Resolves when the server has ended and nothing of it is left. Rejects if an error of the server itself ended it, or
   * with a {@link ServeError} if its thread was lost to a caller whose memory never arrives. Nothing of the device is left
   * then either, but that thread can only end with its process, which then has to be killed.
   */
  readonly ended: Promise<ServerEnd>;

  readonly #transport: Transport;
  readonly #host: ServerHost;
  readonly #worker: Worker;
  readonly #stop: Int32Array;
  readonly #cloner: Int32Array;
  readonly #counters: Counters;
  readonly #watchdog: Watchdog;
  readonly #helpers: HelperThreads;
  readonly #values: Int32Array;
  #clones: SideThread | undefined;
  #parameters: MountedParameters | undefined;

  private constructor(host: ServerHost, transport: Transport, options: Settings) {
    const { path, onCrash, device, files, faults } = options;
    this.path = path;
    this.transport = transport.name;
    this.#host = host;
    this.#transport = transport;
    this.#stop = new Int32Array(new SharedArrayBuffer(4));
    this.#cloner = new Int32Array(new SharedArrayBuffer(4));
    this.#counters = new Counters();
    const progress = new Progress();
    this.#values = new Int32Array(new SharedArrayBuffer(8));
    this.#values.set([device.verbosity ?? 0, device.enableStats ? 1 : 0]);
    const worker = workerBeside(import.meta.url);
    const log = new Log(host, 2, 100);
    this.#helpers = new HelperThreads({ host, fd: transport.fd, worker, log });
    const workerData: ThreadTask = {
      fd: transport.fd,
      path,
      stop: this.#stop,
      cloner: this.#cloner,
      counters: this.#counters.shared,
      progress: progress.shared,
      helpers: this.#helpers.shared,
      helped: this.#helpers.done,
      values: this.#values,
      onCrash,
      device,
      files,
      faults,
    };
    this.#worker = new Worker(worker, { workerData });
    this.#watchdog = new Watchdog({ host, fd: transport.fd, progress, log });
    this.ended = this.#watch();
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

  /**
   * Makes CRIOGET work in the programs that this thread starts from now on, and in those that they start. Without this,
   * it fails with EOPNOTSUPP, because FUSE and CUSE cannot add a descriptor to a process.
   *
   * It installs a seccomp filter, which the kernel applies to this thread and its descendants until they end. So it is
   * for a process that ends with its server: after that, CRIOGET fails with ENOSYS in them, on any device. They cannot
   * install a filter with a listener of their own.
   *
   * @throws {ServeError} if this system cannot do that; the message says why
   * @example
   * ```ts
   * import { spawnSync } from "node:child_process";
   * import { ServeError, Server } from "cryptodev/serve";
   *
   * try {
   *   const server = await Server.start({ path: "/tmp/crypto-with-clones" });
   *   await server.cloneForChildren();
   *   spawnSync("openssl", ["engine", "-c", "devcrypto"]);
   *   await server.stop();
   * } catch (error) {
   *   if (!(error instanceof ServeError)) throw error;
   * }
   * ```
   */
  async cloneForChildren(): Promise<void> {
    const fd = this.#host.open(this.#transport.knockAt(), O_PATH | O_CLOEXEC);
    if (fd < 0) throw new ServeError(`${this.path} cannot be opened: ${errnoName(-fd)}`);
    try {
      this.#clones ??= await startCloning(this.#host, fd, workerBeside(import.meta.url), this.#cloner);
    } finally {
      this.#host.close(fd);
    }
  }

  /**
   * Serves the parameters of the original module as files, which can be read and written while the device runs:
   * `verbosity`, also under its present name `cryptodev_verbosity`, and `enable_stats`.
   *
   * @param folder - that of the module, as {@link makePrivateModule} returns it, or another one, which is created if it
   * does not exist, and removed again. As root, no other user may be able to replace it
   * @throws {ServeError} if nothing can be mounted there; the message says why
   */
  async serveParameters(folder: string): Promise<void> {
    this.#parameters ??= await MountedParameters.start(this.#host, folder, workerBeside(import.meta.url), this.#values);
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
    for (let waited = 0; waited < PATIENCE && !this.#watchdog.isStuck; waited += KNOCK) {
      // The thread sleeps in read(2) until the device is called, so call it.
      open(this.#transport.knockAt(), "r", (error, fd) => {
        // Close only after the server has ended: until then close(2) would block on a FUSE reply that the stopped
        // thread never sends.
        const closeIt = (): void => close(fd);
        if (error === null) this.ended.then(closeIt, closeIt);
      });
      if (await this.#endsWithin(KNOCK)) return;
    }
    this.#watchdog.giveUp("its thread does not respond");
    await this.ended;
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

  async #watch(): Promise<ServerEnd> {
    let last = "ready" as WorkerMessage;
    this.#worker.on("message", (message: WorkerMessage) => {
      if (message === "help") this.#helpers.add();
      else last = message;
    });
    try {
      const exited = new Promise<void>((resolve, reject) => {
        this.#worker.once("error", reject);
        this.#worker.once("exit", () => resolve());
      });
      await Promise.race([exited, this.#watchdog.lost]);
    } finally {
      this.#watchdog.stop();
      const helpersEnded = this.#helpers.stop();
      helpersEnded.catch(() => {});
      this.#host.close(this.#transport.fd);
      await this.#transport.remove();
      await this.#parameters?.stop();
      await this.#clones?.stop();
      await helpersEnded;
    }
    if (last === "crash") return "crash";
    return Atomics.load(this.#stop, 0) === 1 ? "stopped" : "gone";
  }
}
