import { type ErrnoName, ILP32, LP64, type Machine, type Struct } from "@cryptodev/core/abi";
import { memberOf } from "@cryptodev/core/host";
import { Crash, KernelCrashError } from "../crash.ts";
import { Errno } from "../errno.ts";
import { ownFunction, ownInteger, ownList, ownOption } from "../options.ts";
import { copyToUser, type Memory } from "../user/memory.ts";
import { UserStruct } from "../user/user_struct.ts";
import { type CipherDriver, cipherDrivers, type MacDriver, MissingAlgorithms, macDrivers } from "./algorithms.ts";
import { Budget } from "./budget.ts";
import { asyncNames, handlersOf } from "./dispatch.ts";
import { RequestedFaults } from "./faults.ts";
import type { Answer, Caller, DriverContext, WriteBack } from "./handler.ts";
import { type HandlerEntry, HandlerTable } from "./handler_table.ts";
import type { OpenFile } from "./open_file.ts";
import type { DriverSession } from "./session.ts";
import { complete, isSliced, Pace, type Slices } from "./slices.ts";
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
  /** The maximum number of sessions of all open files together, also with ENOMEM. Defaults to no limit. */
  readonly totalSessions?: number;
  /**
   * The maximum number of outstanding asynchronous operations of all open files together. Submitting another one fails
   * with EBUSY, as it does if one file has 64. Defaults to no limit.
   */
  readonly totalJobs?: number;
  /**
   * The maximum size of the data of one operation, in bytes. A longer one fails with ENOMEM. As the operations of one open
   * file wait for each other, this is also the most that a file has in progress. Defaults to no limit, as in the driver.
   */
  readonly bytes?: number;
  /**
   * The maximum size of the data of all long operations that are in progress together, also with ENOMEM. It only applies
   * to operations that pause: see {@link SoftwareDevice.begin}. Defaults to no limit.
   */
  readonly totalBytes?: number;
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
 * import { CryptodevError, Device } from "cryptodev";
 * import { SoftwareHost } from "cryptodev/soft";
 *
 * const host = new SoftwareHost({ enableStats: true, onUsage: ({ operations }) => console.log(operations) });
 * const device = Device.open(host);
 * host.device.failNext("ENOMEM", "CIOCGSESSION");
 * try {
 *   device.hash("sha1");
 * } catch (error) {
 *   if (error instanceof CryptodevError) console.log(error.code); // ENOMEM
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
  /** The maximum number of sessions of all open files together. */
  readonly totalSessions: number;
  /** The maximum number of outstanding asynchronous operations of all open files together. */
  readonly totalJobs: number;
  /** The maximum size of the data of one operation. */
  readonly bytes: number;
  /** The maximum size of the data of all long operations together. */
  readonly totalBytes: number;

  readonly #byRequest: HandlerTable;
  readonly #byCompatRequest: HandlerTable;
  readonly #onUsage: (usage: SessionUsage) => void;
  readonly #log: (line: string) => void;
  readonly #context: DriverContext;
  /** That of calls that pause. */
  readonly #slicedContext: DriverContext;
  /** Paces by the algorithms of a session. */
  readonly #paces = new Map<string, Pace>();
  readonly #faults: RequestedFaults;
  readonly #sessionBudget: Budget;
  readonly #jobBudget: Budget;

  /**
   * Creates a device without open files.
   *
   * @throws {TypeError} if an option has the wrong type
   * @throws {RangeError} if an option is out of range, or names an algorithm that does not exist
   */
  constructor(options: SoftwareDeviceOptions = {}) {
    const compat = ownOption(options, "compat", false) ?? false;
    const machine = requireMachine(memberOf(options, "machine") ?? (compat ? ILP32 : LP64));
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
    const limit = (name: string): number =>
      ownInteger(options, name, 0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    this.sessions = limit("sessions");
    this.totalSessions = limit("totalSessions");
    this.totalJobs = limit("totalJobs");
    this.bytes = limit("bytes");
    this.totalBytes = limit("totalBytes");
    this.#sessionBudget = new Budget(this.totalSessions, "ENOMEM", "sessions");
    this.#jobBudget = new Budget(this.totalJobs, "EBUSY", "outstanding operations");
    this.lacks = new MissingAlgorithms(ownList(options, "lacks") as readonly string[]);
    this.#onUsage = ownFunction<(usage: SessionUsage) => void>(options, "onUsage") ?? (() => {});
    this.#log = ownFunction<(line: string) => void>(options, "log") ?? ((line) => console.error(line));
    const handlers = handlersOf(this.async, compat);
    this.#byRequest = new HandlerTable(handlers, machine);
    const has32BitPrograms = machine.pointerSize === 8;
    this.#byCompatRequest = new HandlerTable(has32BitPrograms ? handlersOf(false, true) : [], {
      ...machine,
      pointerSize: 4,
    });
    const calls = new Set(["open", ...handlers.map(({ ioctl }) => ioctl.name)]);
    this.#faults = new RequestedFaults(calls, new Set(this.async ? [] : asyncNames));
    this.#context = {
      machine,
      alignmask: this.alignmask,
      driver: this.driver,
      hardware: this.hardware,
      paceOf: () => undefined,
      jobs: this.#jobBudget,
      data: new Budget(this.totalBytes, "ENOMEM", "bytes of data in progress"),
      most: this.bytes,
      cipherDriver: (id) => this.#present(cipherDrivers.get(id), "cipher", id),
      macDriver: (id) => this.#present(macDrivers.get(id), "mac", id),
      startSession: (file, session) => this.#startSession(file, session),
      dropSession: (file, id) => void this.#dropSession(file, id),
      endSession: (file, id) => this.#endSession(file, id),
    };
    this.#slicedContext = { ...this.#context, paceOf: ({ pace }) => pace };
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
    this.#jobBudget.giveBack(file.queuedCount);
    if (file.queuedCount > 0) throw new KernelCrashError("jobs-abandoned", "close");
  }

  #paceOf({ cipherAlgorithm, mac }: DriverSession): Pace {
    const algorithms = `${cipherAlgorithm?.id}+${mac?.driver.algorithm.id}`;
    const known = this.#paces.get(algorithms);
    if (known !== undefined) return known;
    const pace = new Pace();
    this.#paces.set(algorithms, pace);
    return pace;
  }

  #startSession(file: OpenFile, session: DriverSession): number {
    if (file.sessionCount >= this.sessions) throw new Errno("ENOMEM", `the file has ${this.sessions} sessions`);
    this.#sessionBudget.take();
    session.pace = this.#paceOf(session);
    return file.add(session);
  }

  #dropSession(file: OpenFile, id: number): DriverSession | undefined {
    const session = file.remove(id);
    if (session === undefined) return undefined;
    this.#sessionBudget.giveBack();
    session.wipe();
    return session;
  }

  #endSession(file: OpenFile, id: number): void {
    const session = this.#dropSession(file, id);
    if (session === undefined || !this.enableStats) return;
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
    const result = this.#answer(this.#byRequest.find(request), this.#context, request, address, caller);
    return isSliced(result) ? complete(result) : result;
  }

  /**
   * Answers an ioctl as {@link SoftwareDevice.ioctl} does, but pauses in long operations, so that other callers can be
   * served. Until it has ended, the open file must not receive another call, and when it continues, `caller` has to be
   * as it was when it began.
   *
   * @param compat - whether a 32-bit process called on a 64-bit kernel. The driver's compat handler then answers, for the
   * structs of a 32-bit machine: CIOCAUTHCRYPT, CIOCCPHASH and the asynchronous ioctls fail with EINVAL. Sessions belong
   * to the open file, which such a process can share with others
   * @returns what `ioctl(2)` returns, or a negative error number; of a long operation, an iterator that returns this
   * @throws {KernelCrashError} if the call would crash a kernel, as the iterator does
   */
  begin(request: number, address: number, caller: Caller, compat = false): number | Slices<number> {
    const table = compat ? this.#byCompatRequest : this.#byRequest;
    return this.#answer(table.find(request), this.#slicedContext, request, address, caller);
  }

  #answer(
    known: HandlerEntry | undefined,
    context: DriverContext,
    request: number,
    address: number,
    caller: Caller,
  ): number | Slices<number> {
    const name = known === undefined ? `ioctl 0x${request.toString(16)}` : known.handler.ioctl.name;
    try {
      this.#faults.throwIfRequested(name);
      if (known === undefined) throw new Errno("EINVAL", "there is no such ioctl");
      const { handler, argument } = known;
      const own = caller.memory.argument ?? null;
      if (own !== null && handler.answerInReach?.(own, caller, context) === true) return this.#done(name, 0);
      argument.load(caller.memory, address, handler.ioctl.direction !== "IOR");
      const answer = handler.answer(argument, caller, context);
      if (!isSliced(answer)) return this.#conclude(name, argument, address, caller, answer);
      // The next call gets a struct of its own.
      known.argument = new UserStruct<Struct>(handler.ioctl.argument, argument.machine);
      return this.#continue(name, argument, address, caller, answer);
    } catch (error) {
      return this.#refuse(name, error);
    }
  }

  *#continue(
    name: string,
    argument: UserStruct<Struct>,
    address: number,
    caller: Caller,
    work: Slices<Answer>,
  ): Slices<number> {
    try {
      return this.#conclude(name, argument, address, caller, yield* work);
    } catch (error) {
      return this.#refuse(name, error);
    }
  }

  #conclude(name: string, argument: UserStruct<Struct>, address: number, caller: Caller, answer: Answer): number {
    if (answer?.warning !== undefined && this.verbosity > 0) this.#log(`cryptodev: ${name}: ${answer.warning}`);
    return this.#done(name, answer === undefined ? 0 : write(caller.memory, address, argument.bytes, answer));
  }

  #done(name: string, result: number): number {
    if (this.verbosity === 2) this.#log(`cryptodev: ${name}: done`);
    return result;
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
