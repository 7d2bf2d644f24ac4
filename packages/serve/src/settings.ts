import type { ErrnoName } from "@cryptodev/core";
import { SoftwareDevice, type SoftwareDeviceOptions } from "@cryptodev/soft";
import type { HazardPolicy } from "./connection.ts";

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
  readonly device?: Omit<SoftwareDeviceOptions, "machine" | "compat" | "log" | "onUsage" | "lacks"> & {
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

/** The most sessions of one open file. */
const MOST_SESSIONS = 16_384;

/** The options of a server, looked at. Another thread can be given them. */
export interface Settings extends Required<Omit<ServeOptions, "carrier">> {
  /** As it was asked for; `undefined` leaves the choice to the server. */
  readonly carrier: ServeOptions["carrier"];
}

/** Looks at options, and leaves out what is nobody's. @throws `TypeError`, `RangeError` */
export function settingsOf(options: ServeOptions): Settings {
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
  if (typeof asked !== "object") throw new TypeError(`device: expected an object, got a value of type ${typeof asked}`);
  // One is made to have what is asked for looked at, before there is a thread and anything is mounted.
  const sessions = (own(asked, "sessions") ?? MOST_SESSIONS) as number;
  const device = new SoftwareDevice({ ...asked, sessions });
  // Functions cannot be given to another thread, where the server has its own.
  const { log: _log, onUsage: _onUsage, ...rest } = asked as SoftwareDeviceOptions;
  const given = own(options, "faults") ?? [];
  if (!Array.isArray(given)) throw new TypeError("faults: expected an array");
  const faults = given.map((fault: ServedFault) => {
    const [code, call] = [own(fault, "code") as ErrnoName, own(fault, "call") as string | undefined];
    device.failNext(code, call);
    return { code, ...(call === undefined ? {} : { call }) };
  });
  return {
    path,
    onHazard: choice("onHazard", ["refuse", "kill", "fail"]) ?? "refuse",
    device: { ...rest, sessions, lacks: [...device.lacks] },
    faults,
    carrier: choice("carrier", ["fuse", "cuse"]),
  };
}
