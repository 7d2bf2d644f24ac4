import {
  ciphers,
  type ErrnoName,
  errnos,
  ILP32,
  LP64,
  type Machine,
  macs,
  requestNumber,
  type Struct,
} from "@cryptodev/core";
import { type CipherDriver, cipherDrivers, type MacDriver, macDrivers } from "./algorithms.ts";
import { Errno } from "./errno.ts";
import type { Caller, Handler } from "./handler.ts";
import { handlersOf } from "./ioctls.ts";
import { KernelCrashError } from "./kernel_crash_error.ts";
import { OpenFile } from "./open_file.ts";
import { own, ownFunction, ownInteger, ownList, ownOption, requireName } from "./options.ts";
import { type UsageRecord, usageLine } from "./usage.ts";
import { UserStruct } from "./user_struct.ts";

/** How much the device logs: 0 nothing, 1 the reason of each refusal, 2 everything. */
export type Verbosity = 0 | 1 | 2;

/** What a session did, reported when it ends. */
export interface SessionUsage extends UsageRecord {
  /** The session's id. */
  readonly ses: number;
  /** The name of its cipher; `undefined` if it has none. */
  readonly cipher: string | undefined;
  /** The name of its mac; `undefined` if it has none. */
  readonly mac: string | undefined;
}

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

/** The names of all algorithms of the header; any of them can be missing. */
const algorithmNames: ReadonlySet<string> = new Set(
  [...Object.values(ciphers), ...Object.values(macs)].map(({ name }) => name),
);
const errorNames: ReadonlySet<string> = new Set(Object.keys(errnos));

/** The missing algorithms. Each name must exist: with a misspelt one, a test would pass without testing anything. */
class MissingAlgorithms extends Set<string> {
  override add(name: string): this {
    const [, family, mode] = /^(\w+)-(?:128|192|256)-(\w+)$/.exec(name) ?? [];
    const whole = `${family}-${mode}`;
    if (algorithmNames.has(whole)) {
      throw new RangeError(`lacks: "${name}" is one key size of ${whole}; only the whole algorithm can be missing`);
    }
    return super.add(requireName("lacks", name, algorithmNames));
  }
}

function requireMachine(machine: unknown): Machine {
  const { pointerSize, requests } = machine as Partial<Machine>;
  if (typeof pointerSize === "number" && typeof requests === "string") return machine as Machine;
  throw new TypeError("machine: expected a machine such as LP64, or what machineOf() returns");
}

/** A call that a test makes fail. */
interface Fault {
  readonly code: ErrnoName;
  readonly call: string | undefined;
}

/**
 * The driver in software: what `/dev/crypto` leads to, over any transport.
 *
 * @example
 * ```ts
 * import { Device } from "@cryptodev/core";
 * import { SoftwareHost } from "@cryptodev/soft";
 *
 * const host = new SoftwareHost({ enableStats: true, onUsage: ({ count }) => console.log(count) });
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
  readonly #faults: Fault[] = [];

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
    this.#byRequest = new Map(
      handlersOf(this.async, compat).map((handler) => [
        requestNumber(handler.ioctl, machine),
        { handler, argument: new UserStruct<Struct>(handler.ioctl.argument, machine) },
      ]),
    );
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
    requireName("error of a fault", code, errorNames);
    if (call !== undefined) this.#requireCall(call);
    this.#faults.push({ code, call });
  }

  #requireCall(call: string): void {
    if (!this.async && handlersOf(true, false).some(({ ioctl }) => ioctl.name === call) && !this.#calls.has(call)) {
      throw new RangeError(`call of a fault: a device has ${call} only if it is made with async: true`);
    }
    requireName("call of a fault", call, this.#calls);
  }

  /** The names of all calls that the device answers. */
  get #calls(): ReadonlySet<string> {
    return new Set(["open", ...[...this.#byRequest.values()].map(({ handler }) => handler.ioctl.name)]);
  }

  #failIfAsked(name: string): void {
    if (this.#faults.length === 0) return;
    const index = this.#faults.findIndex(({ call }) => call === undefined || call === name);
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault !== undefined) throw new Errno(fault.code, "as requested");
  }

  /** @throws {Errno} with `EINVAL` if the device does not have the cipher */
  cipherDriver(id: number): CipherDriver {
    return this.#present(cipherDrivers.get(id), "cipher", id);
  }

  /** @throws {Errno} with `EINVAL` if the device does not have the mac */
  macDriver(id: number): MacDriver {
    return this.#present(macDrivers.get(id), "mac", id);
  }

  #present<D extends CipherDriver | MacDriver>(driver: D | undefined, kind: string, id: number): D {
    if (driver === undefined || this.lacks.has(driver.algorithm.name))
      throw new Errno("EINVAL", `there is no ${kind} ${id}`);
    return driver;
  }

  /**
   * Opens the device.
   *
   * @returns the open file, or a negative error number
   */
  open(): OpenFile | number {
    try {
      this.#failIfAsked("open");
      return new OpenFile(this.sessions);
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
    for (const id of file.ids()) this.endSession(file, id);
    if (file.jobCount > 0) throw new KernelCrashError("jobs-abandoned", "close");
  }

  /** Ends a session, and reports what it did. */
  endSession(file: OpenFile, id: number): void {
    const session = file.remove(id);
    if (session === undefined) return;
    session.wipe();
    if (!this.enableStats) return;
    const usage = session.usage.record();
    if (this.verbosity === 2) this.#log(`cryptodev: ${usageLine(usage)}`);
    const cipher = (session.cipher ?? session.aead)?.driver.algorithm.name;
    this.#onUsage({ ses: id, cipher, mac: session.mac?.driver.algorithm.name, ...usage });
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
      this.#failIfAsked(name);
      if (known === undefined) throw new Errno("EINVAL", "there is no such ioctl");
      const { handler, argument } = known;
      argument.enter(caller.memory, address, handler.ioctl.direction !== "IOR");
      const result = handler.answer(argument, caller) ?? 0;
      if (this.verbosity === 2) this.#log(`cryptodev: ${name}: done`);
      return result;
    } catch (error) {
      return this.#refuse(name, error);
    }
  }

  /** Logs that a call returned a meaningless digest, which the driver does not report. */
  warnOfDigest(call: string): void {
    if (this.verbosity === 0) return;
    this.#log(`cryptodev: ${call}: the digest is meaningless: it continues a finished state, without COP_FLAG_RESET`);
  }

  /** Converts a refusal to a negative error number, and logs it. */
  #refuse(name: string, error: unknown): number {
    if (!(error instanceof Errno)) throw error;
    if (this.verbosity > 0) this.#log(`cryptodev: ${name}: ${error.code}, ${error.reason}`);
    return -error.errno;
  }
}
