import { close, existsSync, open } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ErrnoName, type LibcHost, workerUrl } from "@cryptodev/core";
import { SoftwareDevice, type SoftwareDeviceOptions } from "@cryptodev/soft";
import type { Carrier } from "./carriers/carrier.ts";
import { canUseCuse, openCuse } from "./carriers/cuse.ts";
import { openFuse } from "./carriers/fuse.ts";
import type { HazardPolicy } from "./connection.ts";
import { Counters, type ServerStatistics } from "./counters.ts";
import { libcHost } from "./libc.ts";
import { ServeError } from "./serve_error.ts";

/** A call that is to fail. */
export interface ServedFault {
  /** The error that it answers, such as `"ENOMEM"`. */
  readonly code: ErrnoName;
  /** The call's name, `"open"` or an ioctl's; the very next call if left out. */
  readonly call?: string;
}

/** How a device is served. */
export interface ServeOptions {
  /** Where; `/dev/crypto` if left out. */
  readonly path?: string;
  /**
   * What carries the calls: CUSE, a true character device; FUSE, a file that is a file system of its own. If left out,
   * CUSE where this system has it and it can serve the path, else FUSE.
   */
  readonly carrier?: "fuse" | "cuse";
  /**
   * What to do about a call that a kernel would not survive, besides telling of it: `"refuse"` (the default) answers
   * ENOTRECOVERABLE, which no driver answers; `"kill"` kills the caller as well; `"fail"` ends the server as well.
   */
  readonly onHazard?: HazardPolicy;
  /** The device: see {@link SoftwareDeviceOptions}. */
  readonly device?: Omit<SoftwareDeviceOptions, "machine" | "log" | "onUsage" | "lacks"> & {
    /** Algorithms that are missing, as an array, which another thread can be given. */
    readonly lacks?: readonly string[];
    /**
     * The most sessions of one open file; one more is refused with ENOMEM. The memory is the server's, and so everybody's.
     * Defaults to 16,384.
     */
    readonly sessions?: number;
  };
  /** Calls that are to fail, in this order. */
  readonly faults?: readonly ServedFault[];
}

/** How a server ended: it was stopped, a hazard ended it, or the kernel took the device away, as `umount` does. */
export type ServerEnd = "stopped" | "hazard" | "gone";

/** What the serving thread says. */
export type WorkerMessage = "ready" | "hazard" | "gone";

/** What the serving thread is started with. */
export interface Task {
  readonly fd: number;
  readonly path: string;
  readonly stop: Int32Array;
  readonly counters: SharedArrayBuffer;
  readonly onHazard: HazardPolicy;
  readonly device: NonNullable<ServeOptions["device"]>;
  readonly faults: readonly ServedFault[];
}

/** The options of a server, looked at. */
type Settings = Omit<Task, "fd" | "stop" | "counters"> & Pick<ServeOptions, "carrier">;

/** Looks at options, and leaves out what is nobody's. @throws `TypeError`, `RangeError` */
function settingsOf(options: ServeOptions): Settings {
  const own = (object: object, name: string): unknown =>
    Object.hasOwn(object, name) ? (object as Readonly<Record<string, unknown>>)[name] : undefined;
  const choice = <T extends string>(name: keyof ServeOptions, choices: readonly T[]): T | undefined => {
    const value = own(options, name);
    if (value === undefined || choices.includes(value as T)) return value as T | undefined;
    throw new RangeError(`${name}: expected one of ${choices.join(", ")}`);
  };
  const path = own(options, "path") ?? "/dev/crypto";
  if (typeof path !== "string") throw new TypeError(`path: expected a string, got a value of type ${typeof path}`);
  const asked = own(options, "device") ?? {};
  // One is made to have what is asked for looked at, before there is a thread and anything is mounted.
  const device = new SoftwareDevice({ sessions: MOST_SESSIONS, ...asked });
  const given = own(options, "faults") ?? [];
  if (!Array.isArray(given)) throw new TypeError("faults: expected an array");
  const faults = given.map((fault: ServedFault) => {
    const [code, call] = [own(fault, "code") as ErrnoName, own(fault, "call") as string | undefined];
    device.failNext(code, call);
    return { code, ...(call === undefined ? {} : { call }) };
  });
  const { verbosity, enableStats, alignmask, driver, hardware, async, sessions, lacks } = device;
  const carrier = choice("carrier", ["fuse", "cuse"]);
  return {
    path,
    onHazard: choice("onHazard", ["refuse", "kill", "fail"]) ?? "refuse",
    device: { verbosity, enableStats, alignmask, driver, hardware, async, sessions, lacks: [...lacks] },
    faults,
    ...(carrier === undefined ? {} : { carrier }),
  };
}

/** The most sessions of one open file. */
const MOST_SESSIONS = 16_384;

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
