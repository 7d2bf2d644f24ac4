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

/** How much the device says: nothing, why it refuses, or everything. */
export type Verbosity = 0 | 1 | 2;

/** What a session did, told at its end. */
export interface SessionUsage extends UsageRecord {
  /** The session's id. */
  readonly ses: number;
  /** Its cipher's name; `undefined` without one. */
  readonly cipher: string | undefined;
  /** Its mac's name; `undefined` without one. */
  readonly mac: string | undefined;
}

/** How a {@link SoftwareDevice} is made. */
export interface SoftwareDeviceOptions {
  /** The machine whose ABI is spoken; defaults to LP64, or to ILP32 with `compat`. */
  readonly machine?: Machine;
  /**
   * Answers as a 64-bit kernel answers a 32-bit process: CIOCAUTHCRYPT, CIOCCPHASH and the asynchronous ioctls are EINVAL,
   * although sessions of AEADs start. Defaults to false.
   */
  readonly compat?: boolean;
  /** Whether it is built with ENABLE_ASYNC: CIOCASYNCCRYPT and CIOCASYNCFETCH. Not, if left out, as usual. */
  readonly async?: boolean;
  /** The original module's parameter; 0 if left out. */
  readonly verbosity?: Verbosity;
  /** The original module's parameter `enable_stats`; off if left out. */
  readonly enableStats?: boolean;
  /** Pretends to be a driver that works on data at multiples of `alignmask + 1`; 0 if left out. */
  readonly alignmask?: number;
  /** What the names of its drivers end with, such as `caam`; `software` if left out. */
  readonly driver?: string;
  /** Pretends to be hardware off the CPU (SIOP_FLAG_KERNEL_DRIVER_ONLY); not, if left out. */
  readonly hardware?: boolean;
  /** Algorithms that are missing, by the library's names for them, such as `aes-gcm` or `hmac-sha1`. */
  readonly lacks?: Iterable<string>;
  /**
   * The most sessions of one open file; one more is refused with ENOMEM, as by a kernel that has no memory left. Defaults to
   * no limit, as the driver has none.
   */
  readonly sessions?: number;
  /** Is told what a session did when it ends, while `enableStats` is on. */
  readonly onUsage?: (usage: SessionUsage) => void;
  /** Takes the lines of the log; standard error if left out. They never hold keys or data. */
  readonly log?: (line: string) => void;
}

/** The names of all algorithms of the header: any of them can be missing. */
const algorithmNames: ReadonlySet<string> = new Set(
  [...Object.values(ciphers), ...Object.values(macs)].map(({ name }) => name),
);
const errorNames: ReadonlySet<string> = new Set(Object.keys(errnos));

/** The algorithms that are missing, each of which is one that exists: a misspelt one would only seem to be tested. */
class MissingAlgorithms extends Set<string> {
  override add(name: string): this {
    const [, family, mode] = /^(\w+)-(?:128|192|256)-(\w+)$/.exec(name) ?? [];
    const whole = `${family}-${mode}`;
    if (algorithmNames.has(whole)) {
      throw new RangeError(`lacks: "${name}" is one key size of ${whole}, which can only be missing as a whole`);
    }
    return super.add(requireName("lacks", name, algorithmNames));
  }
}

function requireMachine(machine: unknown): Machine {
  const { pointerSize, requests } = machine as Partial<Machine>;
  if (typeof pointerSize === "number" && typeof requests === "string") return machine as Machine;
  throw new TypeError("machine: expected a machine such as LP64, or what machineOf() returns");
}

/** The next call that a test wants to see fail. */
interface Fault {
  readonly code: ErrnoName;
  readonly call: string | undefined;
}

/**
 * The driver in software: what is behind `/dev/crypto`, whoever carries the calls to it.
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
  /** The machine whose ABI is spoken. */
  readonly machine: Machine;
  /** How much is logged. It can be changed at any time. */
  verbosity: Verbosity;
  /** Whether a session's end tells what it did. It can be changed at any time. */
  enableStats: boolean;
  /** What `alignmask` sessions show. */
  readonly alignmask: number;
  /** What the names of the drivers end with that sessions show. */
  readonly driver: string;
  /** Whether sessions show a driver that is hardware. */
  readonly hardware: boolean;
  /** The algorithms that are missing. It can be changed at any time. */
  readonly lacks: Set<string>;
  /** Whether it is built with ENABLE_ASYNC. */
  readonly async: boolean;
  /** The most sessions of one open file. */
  readonly sessions: number;

  readonly #byRequest: ReadonlyMap<number, { readonly handler: Handler; readonly argument: UserStruct<Struct> }>;
  readonly #onUsage: (usage: SessionUsage) => void;
  readonly #log: (line: string) => void;
  readonly #faults: Fault[] = [];

  /**
   * Makes a device with no open files.
   *
   * @throws `TypeError`, `RangeError` for options of another type or range, and for algorithms that do not exist
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
   * Makes a call fail that would have been answered. Faults are used up in the order in which they were asked for.
   *
   * @param code - what the call answers, such as `"ENOMEM"`
   * @param call - the call's name, `"open"` or an ioctl's; the very next call if left out
   * @throws `RangeError` for an error or a call that does not exist, or that this device never gets
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

  /** The names of all calls that it answers. */
  get #calls(): ReadonlySet<string> {
    return new Set(["open", ...[...this.#byRequest.values()].map(({ handler }) => handler.ioctl.name)]);
  }

  #failIfAsked(name: string): void {
    if (this.#faults.length === 0) return;
    const index = this.#faults.findIndex(({ call }) => call === undefined || call === name);
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault !== undefined) throw new Errno(fault.code, "as was asked for");
  }

  /** @throws `Errno` EINVAL where the device has no such cipher */
  cipherDriver(id: number): CipherDriver {
    return this.#present(cipherDrivers.get(id), "cipher", id);
  }

  /** @throws `Errno` EINVAL where the device has no such mac */
  macDriver(id: number): MacDriver {
    return this.#present(macDrivers.get(id), "mac", id);
  }

  #present<D extends CipherDriver | MacDriver>(driver: D | undefined, kind: string, id: number): D {
    if (driver === undefined || this.lacks.has(driver.algorithm.name))
      throw new Errno("EINVAL", `there is no ${kind} ${id}`);
    return driver;
  }

  /** Opens the device. @returns the open file, or a negative error number */
  open(): OpenFile | number {
    try {
      this.#failIfAsked("open");
      return new OpenFile(this.sessions);
    } catch (error) {
      return this.#refuse("open", error);
    }
  }

  /**
   * Closes an open file for good: its sessions end.
   *
   * @throws `KernelCrashError` where asynchronous operations are outstanding
   */
  close(file: OpenFile): void {
    for (const id of file.ids()) this.endSession(file, id);
    if (file.jobCount > 0) throw new KernelCrashError("jobs-abandoned", "close");
  }

  /** Ends a session, and tells what it did. */
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
   * Answers an ioctl whose argument is at `address` of the caller's memory.
   *
   * @returns what `ioctl(2)` returns, or a negative error number
   * @throws `KernelCrashError` for a call that the driver would not survive
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

  /** Logs that a digest was given which nobody can use, as the driver does not. */
  warnOfDigest(call: string): void {
    if (this.verbosity === 0) return;
    this.#log(`cryptodev: ${call}: the digest is meaningless: it continues a finished state, without COP_FLAG_RESET`);
  }

  /** Turns a refusal into a number, and into a line of the log. */
  #refuse(name: string, error: unknown): number {
    if (!(error instanceof Errno)) throw error;
    if (this.verbosity > 0) this.#log(`cryptodev: ${name}: ${error.code}, ${error.reason}`);
    return -error.errno;
  }
}
