import { type ErrnoName, ILP32, LP64, type Machine, requestNumber, type Struct } from "@cryptodev/core/abi";
import { Crash, KernelCrashError } from "../crash.ts";
import { Errno } from "../errno.ts";
import { own, ownFunction, ownInteger, ownList, ownOption } from "../options.ts";
import { copyToUser, type Memory } from "../user/memory.ts";
import { UserStruct } from "../user/user_struct.ts";
import { type CipherDriver, cipherDrivers, type MacDriver, MissingAlgorithms, macDrivers } from "./algorithms.ts";
import { asyncNames, handlersOf } from "./dispatch.ts";
import { RequestedFaults } from "./faults.ts";
import type { Caller, DriverContext, Handler, WriteBack } from "./handler.ts";
import type { OpenFile } from "./open_file.ts";
import { type SessionUsage, usageLine } from "./usage.ts";

/** How much the device logs: 0 nothing, 1 the reason of each refusal, 2 everything. */
export type Verbosity = 0 | 1 | 2;

/** Options of a {@link SoftwareDevice}. */
export interface SoftwareDeviceOptions {
  /** The machine whose ABI the device speaks. Defaults to LP64, or to ILP32 with `compat`. */
  readonly machine?: Machine;
  /**
   * Answers as a 64-bit kernel answers a 32-bit process: CIOCAUTHCRYPT, CIOCCPHASH and the asynchronous ioctls fail
   * with EINVAL, although sessions of AEADs start. Defaults to `false`.
   */
  readonly compat?: boolean;
  /**
   * Whether the device is built with ENABLE_ASYNC, which adds CIOCASYNCCRYPT and CIOCASYNCFETCH. Defaults to `false`,
   * as in most builds of the driver.
   */
  readonly async?: boolean;
  /** The original module's parameter of that name. Defaults to 0. */
  readonly verbosity?: Verbosity;
  /** The original module's parameter `enable_stats`. Defaults to `false`. */
  readonly enableStats?: boolean;
  /** Pretends to be a driver that requires data at multiples of `alignmask + 1`. Defaults to 0. */
  readonly alignmask?: number;
  /** The suffix of its drivers' names, such as `caam`. Defaults to `software`. */
  readonly driver?: string;
  /** Pretends to be hardware outside the CPU (SIOP_FLAG_KERNEL_DRIVER_ONLY). Defaults to `false`. */
  readonly hardware?: boolean;
  /** Algorithms that are missing, by the library's names for them, such as `aes-gcm` or `hmac-sha1`. */
  readonly lacks?: Iterable<string>;
  /**
   * The maximum number of sessions of one open file. Starting another one fails with ENOMEM, as in a kernel that has no
   * memory left. Defaults to no limit, as in the driver.
   */
  readonly sessions?: number;
  /** Called with what a session did when it ends, if `enableStats` is on. */
  readonly onUsage?: (usage: SessionUsage) => void;
  /** Called with each line of the log, which never contains keys or data. Defaults to writing to standard error. */
  readonly log?: (line: string) => void;
}

function requireMachine(machine: unknown): Machine {
  const { pointerSize, requests } = machine as Partial<Machine>;
  if (typeof pointerSize === "number" && typeof requests === "string") return machine as Machine;
  throw new TypeError("machine: expected a machine such as LP64, or what machineOf() returns");
}

/**
 * The driver in software: what `/dev/crypto` leads to, over any transport.
 *
 * @example
 * ```ts
 * import { Device } from "cryptodev";
 * import { SoftwareHost } from "cryptodev/soft";
 *
 * const host = new SoftwareHost({ enableStats: true, onUsage: ({ operations }) => console.log(operations) });
 * const device = Device.open(host);
 * host.device.failNext("ENOMEM", "CIOCGSESSION");
 * try {
 *   device.hash("sha1");
 * } catch (error) {
 *   console.log(error.code); // ENOMEM
 * }
 * device.close();
 * ```
 */
export class SoftwareDevice {
  /** The machine whose ABI the device speaks. */
  readonly machine: Machine;
  /** How much the device logs. It can be changed at any time. */
  verbosity: Verbosity;
  /** Whether the end of a session reports what it did. It can be changed at any time. */
  enableStats: boolean;
  /** The `alignmask` that sessions report. */
  readonly alignmask: number;
  /** The suffix of the driver names that sessions report. */
  readonly driver: string;
  /** Whether sessions report a hardware driver. */
  readonly hardware: boolean;
  /** The missing algorithms. The set can be changed at any time. */
  readonly lacks: Set<string>;
  /** Whether the device is built with ENABLE_ASYNC. */
  readonly async: boolean;
  /** The maximum number of sessions of one open file. */
  readonly sessions: number;

  readonly #byRequest: ReadonlyMap<number, { readonly handler: Handler; readonly argument: UserStruct<Struct> }>;
  readonly #onUsage: (usage: SessionUsage) => void;
  readonly #log: (line: string) => void;
  readonly #context: DriverContext;
  readonly #faults: RequestedFaults;

  /**
   * Creates a device without open files.
   *
   * @throws {TypeError} if an option has the wrong type
   * @throws {RangeError} if an option is out of range, or names an algorithm that does not exist
   */
  constructor(options: SoftwareDeviceOptions = {}) {
    const compat = ownOption(options, "compat", false) ?? false;
    const machine = requireMachine(own(options, "machine") ?? (compat ? ILP32 : LP64));
    if (compat && machine.pointerSize !== 4) {
      throw new RangeError(
        `machine for compat: expected pointers of 4 bytes, got ${machine.pointerSize}; omit it, or use ILP32`,
      );
    }
    this.machine = machine;
    this.async = ownOption(options, "async", false) ?? false;
    this.verbosity = ownInteger(options, "verbosity", 0, 2, 0) as Verbosity;
    this.enableStats = ownOption(options, "enableStats", false) ?? false;
    this.alignmask = ownInteger(options, "alignmask", 0, 0xffff, 0);
    if ((this.alignmask & (this.alignmask + 1)) !== 0) {
      throw new RangeError(`alignmask: expected one less than a power of two, got ${this.alignmask}`);
    }
    this.driver = ownOption(options, "driver", "software") ?? "software";
    this.hardware = ownOption(options, "hardware", false) ?? false;
    this.sessions = ownInteger(options, "sessions", 0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    this.lacks = new MissingAlgorithms(ownList(options, "lacks") as readonly string[]);
    this.#onUsage = ownFunction<(usage: SessionUsage) => void>(options, "onUsage") ?? (() => {});
    this.#log = ownFunction<(line: string) => void>(options, "log") ?? ((line) => console.error(line));
    const handlers = handlersOf(this.async, compat);
    this.#byRequest = new Map(
      handlers.map((handler) => [
        requestNumber(handler.ioctl, machine),
        { handler, argument: new UserStruct<Struct>(handler.ioctl.argument, machine) },
      ]),
    );
    const calls = new Set(["open", ...handlers.map(({ ioctl }) => ioctl.name)]);
    this.#faults = new RequestedFaults(calls, new Set(this.async ? [] : asyncNames));
    this.#context = {
      machine,
      alignmask: this.alignmask,
      driver: this.driver,
      hardware: this.hardware,
      sessions: this.sessions,
      cipherDriver: (id) => this.#present(cipherDrivers.get(id), "cipher", id),
      macDriver: (id) => this.#present(macDrivers.get(id), "mac", id),
      endSession: (file, id) => this.#endSession(file, id),
    };
  }

  /**
   * Makes a call fail that would have succeeded. Faults are used up in the order in which they were requested.
   *
   * @param code - the error that the call returns, such as `"ENOMEM"`
   * @param call - the call's name, `"open"` or an ioctl's; defaults to the next call of any name
   * @throws {TypeError} if `code` or `call` is not a string
   * @throws {RangeError} if the error or the call does not exist, or if this device never receives the call
   */
  failNext(code: ErrnoName, call?: string): void {
    this.#faults.add(code, call);
  }

  /** @throws {Errno} with `EINVAL` if the algorithm is missing */
  #present<D extends CipherDriver | MacDriver>(driver: D | undefined, kind: string, id: number): D {
    if (driver === undefined || this.lacks.has(driver.algorithm.name))
      throw new Errno("EINVAL", `there is no ${kind} ${id}`);
    return driver;
  }

  /**
   * Answers `open(2)`. If it succeeds, the transport creates an {@link OpenFile}, on which it makes the calls.
   *
   * @returns 0, or a negative error number
   */
  open(): number {
    try {
      this.#faults.throwIfRequested("open");
      return 0;
    } catch (error) {
      return this.#refuse("open", error);
    }
  }

  /**
   * Closes an open file for good, and ends its sessions.
   *
   * @throws {KernelCrashError} if asynchronous operations are outstanding
   */
  close(file: OpenFile): void {
    for (const id of file.ids()) this.#endSession(file, id);
    if (file.queuedCount > 0) throw new KernelCrashError("jobs-abandoned", "close");
  }

  #endSession(file: OpenFile, id: number): void {
    const session = file.remove(id);
    if (session === undefined) return;
    session.wipe();
    if (!this.enableStats) return;
    const [cipher, mac] = [session.cipherAlgorithm?.name, session.mac?.driver.algorithm.name];
    const usage = session.usage.report({ ses: id, cipher, mac });
    if (this.verbosity === 2) this.#log(`cryptodev: ${usageLine(usage)}`);
    this.#onUsage(usage);
  }

  /**
   * Answers an ioctl whose argument is at `address` in the caller's memory.
   *
   * @returns what `ioctl(2)` returns, or a negative error number
   * @throws {KernelCrashError} if the call would crash a kernel
   */
  ioctl(request: number, address: number, caller: Caller): number {
    const known = this.#byRequest.get(request);
    const name = known === undefined ? `ioctl 0x${request.toString(16)}` : known.handler.ioctl.name;
    try {
      this.#faults.throwIfRequested(name);
      if (known === undefined) throw new Errno("EINVAL", "there is no such ioctl");
      const { handler, argument } = known;
      argument.load(caller.memory, address, handler.ioctl.direction !== "IOR");
      const answer = handler.answer(argument, caller, this.#context);
      if (answer?.warning !== undefined && this.verbosity > 0) this.#log(`cryptodev: ${name}: ${answer.warning}`);
      const result = answer === undefined ? 0 : write(caller.memory, address, argument.bytes, answer);
      if (this.verbosity === 2) this.#log(`cryptodev: ${name}: done`);
      return result;
    } catch (error) {
      return this.#refuse(name, error);
    }
  }

  /**
   * Converts a refusal to a negative error number, and logs it.
   *
   * @throws {KernelCrashError} if the call would crash a kernel
   */
  #refuse(name: string, error: unknown): number {
    if (error instanceof Crash) throw new KernelCrashError(error.rule, name);
    if (!(error instanceof Errno)) throw error;
    if (this.verbosity > 0) this.#log(`cryptodev: ${name}: ${error.code}, ${error.reason}`);
    return -error.errno;
  }
}

/**
 * Writes a struct back to the caller.
 *
 * @returns what `ioctl(2)` returns
 * @throws {Errno} if it cannot be written
 */
function write(memory: Memory, address: number, struct: Uint8Array, { onFault }: WriteBack): number {
  // Only a write at once shows a fault in time.
  if (onFault !== undefined) return memory.write(address, struct) ? 0 : onFault();
  if (!memory.writeArgument(address, struct)) copyToUser(memory, address, struct, "argument");
  return 0;
}
