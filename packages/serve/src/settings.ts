import type { ErrnoName } from "@cryptodev/core/abi";
import { memberOf } from "@cryptodev/core/host";
import { SoftwareDevice, type SoftwareDeviceOptions } from "@cryptodev/soft";
import type { CrashPolicy } from "./crashes.ts";

/** A call that is made to fail. */
export interface ServedFault {
  /** The error that the call returns, such as `"ENOMEM"`. */
  readonly code: ErrnoName;
  /** The call's name, `"open"` or an ioctl's; defaults to the next call of any name. */
  readonly call?: string;
}

/** Options of a {@link Server}. */
export interface ServeOptions {
  /** The path of the device. Defaults to `/dev/crypto`. */
  readonly path?: string;
  /**
   * The transport: CUSE serves a true character device, FUSE a regular file that is a file system of its own. Defaults
   * to CUSE if this system has it and it can serve the path, else to FUSE.
   */
  readonly transport?: "fuse" | "cuse";
  /**
   * What to do about a call that would crash a kernel, in addition to logging it: `"refuse"` returns ENOTRECOVERABLE,
   * which no driver returns; `"kill"` also kills the caller; `"fail"` also ends the server. Defaults to `"refuse"`.
   */
  readonly onCrash?: CrashPolicy;
  /** Options of the device: see {@link SoftwareDeviceOptions}. */
  readonly device?: Omit<SoftwareDeviceOptions, "machine" | "compat" | "log" | "onUsage" | "lacks"> & {
    /** Missing algorithms; an array, because it is passed to another thread. */
    readonly lacks?: readonly string[];
    /**
     * The maximum number of sessions of one open file; starting another one fails with ENOMEM. All callers share the
     * memory of the server. Defaults to 16,384.
     */
    readonly sessions?: number;
    /** The maximum number of sessions of all open files together, also with ENOMEM. Defaults to 32,768. */
    readonly totalSessions?: number;
    /**
     * The maximum number of asynchronous operations of all open files together that wait to be fetched; submitting
     * another one fails with EBUSY. Defaults to 4096.
     */
    readonly totalJobs?: number;
    /**
     * The maximum size of the data of one operation, in bytes; a longer one fails with ENOMEM. Defaults to 4 GiB, the most
     * that a call can describe.
     */
    readonly bytes?: number;
    /**
     * The maximum size of the data of all long operations that are in progress together, also with ENOMEM. The server
     * needs little memory for them, but divides its time between them. Defaults to 16 GiB.
     */
    readonly totalBytes?: number;
  };
  /** The maximum number of open files; opening another one fails with ENFILE. Defaults to 65,536. */
  readonly files?: number;
  /** Calls that are made to fail, in this order. */
  readonly faults?: readonly ServedFault[];
}

/** The default limits of the device. A session takes about 5 KiB. */
const defaultLimits = {
  sessions: 16_384,
  totalSessions: 32_768,
  totalJobs: 4096,
  bytes: 2 ** 32,
  totalBytes: 2 ** 34,
};
const MAX_FILES = 65_536;

/** The options of a server after validation, in a form that can be passed to another thread. */
export interface Settings extends Required<Omit<ServeOptions, "transport">> {
  /** As given; if `undefined`, the server chooses. */
  readonly transport: ServeOptions["transport"];
}

/**
 * Validates options, and drops properties that are not options.
 *
 * @throws {TypeError} if an option has the wrong type
 * @throws {RangeError} if an option is out of range, or names something that does not exist
 */
export function settingsOf(options: ServeOptions): Settings {
  const choice = <T extends string>(name: keyof ServeOptions, choices: readonly T[]): T | undefined => {
    const value = memberOf(options, name);
    if (value === undefined || choices.includes(value as T)) return value as T | undefined;
    throw new RangeError(`${name}: expected one of ${choices.join(", ")}`);
  };
  const path = memberOf(options, "path") ?? "/dev/crypto";
  if (typeof path !== "string") throw new TypeError(`path: expected a string, got a value of type ${typeof path}`);
  const files = memberOf(options, "files") ?? MAX_FILES;
  if (!Number.isSafeInteger(files) || (files as number) < 0)
    throw new RangeError("files: expected an integer of at least 0");
  const asked = memberOf(options, "device") ?? {};
  if (typeof asked !== "object") throw new TypeError(`device: expected an object, got a value of type ${typeof asked}`);
  // This device exists only to validate its options before a thread is started and anything is mounted.
  const limited = Object.fromEntries(
    Object.entries(defaultLimits).map(([name, most]) => [name, memberOf(asked, name) ?? most]),
  ) as typeof defaultLimits;
  const device = new SoftwareDevice({ ...asked, ...limited });
  // Functions cannot be passed to another thread; the server uses its own there.
  const { log: _log, onUsage: _onUsage, ...rest } = asked as SoftwareDeviceOptions;
  const given = memberOf(options, "faults") ?? [];
  if (!Array.isArray(given)) throw new TypeError("faults: expected an array");
  const faults = given.map((fault: ServedFault) => {
    const [code, call] = [memberOf(fault, "code") as ErrnoName, memberOf(fault, "call") as string | undefined];
    device.failNext(code, call);
    return { code, ...(call === undefined ? {} : { call }) };
  });
  return {
    path,
    onCrash: choice("onCrash", ["refuse", "kill", "fail"]) ?? "refuse",
    device: { ...rest, ...limited, lacks: [...device.lacks] },
    files: files as number,
    faults,
    transport: choice("transport", ["fuse", "cuse"]),
  };
}
