import {
  CryptodevError,
  Device,
  type DeviceOptions,
  type Host,
  inWords,
  traced,
  UnsupportedError,
} from "@cryptodev/core";
import type { SoftwareHostOptions } from "@cryptodev/soft";
import { variable } from "./variable.ts";

/**
 * What is to answer: `"kernel"`, the driver behind `/dev/crypto`; `"software"`, the device in this process; `"auto"`, the
 * kernel's where this system has one, else the one in software.
 */
export type Backend = "kernel" | "software" | "auto";

/** Options of {@link open}: where the device is, and how it is used. */
export interface OpenOptions extends DeviceOptions {
  /** What is to answer. Without it, the environment variable `CRYPTODEV_BACKEND` decides; without that, the kernel. */
  readonly backend?: Backend | undefined;
  /** Where the device is; `/dev/crypto` if left out. */
  readonly path?: string | undefined;
  /**
   * Is given one line for each system call, decoded as by `strace(1)`: see {@link traced}. Without it, the environment
   * variable `CRYPTODEV_TRACE` decides: `1` sends the lines to standard error, any other value names a file that they are
   * added to. Free of cost without both.
   */
  readonly trace?: ((line: string) => void) | undefined;
}

/** The environment variable that decides where the program does not. */
export const BACKEND_VARIABLE = "CRYPTODEV_BACKEND";

/** The environment variable that has the calls of a program told which does not ask for it. */
export const TRACE_VARIABLE = "CRYPTODEV_TRACE";

/** Where the device is if nobody says otherwise. */
const DEVICE = "/dev/crypto";

/** What a runtime brings in. */
export interface Runtime {
  /** Its host; throws an `UnsupportedError` where this system has none. */
  host(): Host;
  /** Makes a device in software. */
  software(options: SoftwareHostOptions): Host;
  /** Adds text to a file, before it returns. */
  append(path: string, text: string): void;
  /** Whether a file exists, or may: not every program may look. */
  mayExist(path: string): boolean;
}

/** Every backend that there is. */
export const backends: readonly Backend[] = ["kernel", "software", "auto"];

function check(backend: unknown, source: string): Backend {
  if (backends.includes(backend as Backend)) return backend as Backend;
  const message = `${source}: expected "kernel", "software" or "auto", got ${inWords(backend, backends)}`;
  throw typeof backend === "string" ? new RangeError(message) : new TypeError(message);
}

/** Own properties only, each read once: what a program added to `Object.prototype` is not an option. */
function ownOptions(options: unknown): OpenOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options of open(): expected an object, got ${inWords(options)}`);
  }
  const own: OpenOptions = Object.assign(Object.create(null), options);
  for (const [name, type] of [["path", "string"] as const, ["trace", "function"] as const]) {
    const value: unknown = own[name];
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`${name}: expected a ${type}, got ${inWords(value)}`);
    }
  }
  return own;
}

/** The system has no device at all, or this program may not use it; one that refuses for another reason is an error. */
function isAbsence(error: unknown): error is Error {
  if (!(error instanceof CryptodevError)) return error instanceof UnsupportedError;
  return ["ENOENT", "ENXIO", "ENODEV"].includes(error.code) || isForbidden(error);
}

function isForbidden(error: Error): boolean {
  return error instanceof CryptodevError && ["EACCES", "EPERM"].includes(error.code);
}

let isWarned = false;

/** Warns, once, that a device is there and left aside. Whatever becomes of the warning, the program has a device. */
function warnOf(reason: Error, path: string, host: Host): void {
  if (isWarned) return;
  isWarned = true;
  try {
    host.warn(`backend "auto" uses the software device, and not ${path}: ${reason.message}`);
  } catch {}
}

/** Where the environment wants calls to be told; `undefined` where it does not. */
function traceOf(runtime: Runtime): ((line: string) => void) | undefined {
  const target = variable(TRACE_VARIABLE) ?? "";
  if (target === "" || target === "0") return undefined;
  if (target === "1") return (line) => console.error(line);
  try {
    runtime.append(target, "");
  } catch (cause) {
    throw new Error(`${TRACE_VARIABLE}: cannot write to ${target}; set it to 1 for standard error`, { cause });
  }
  return (line) => runtime.append(target, `${line}\n`);
}

/**
 * Opens the device: the kernel's `/dev/crypto`, unless told otherwise.
 *
 * With `"auto"`, a device that exists and that this program may not use is left aside with a `CryptodevWarning`, once.
 *
 * @throws `CryptodevError` if the kernel refuses, with what to do about it; `UnsupportedError` if this system cannot
 * reach a kernel's device; `RangeError` for an unknown backend, `TypeError` for an option of another type
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * console.log(device.backend); // kernel, or software
 * device.close();
 * ```
 * @example With hardware alone, and every system call shown
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto", hardware: "require", trace: (line) => line.length });
 * try {
 *   device.cipher("aes-cbc", new Uint8Array(16));
 * } catch (error) {
 *   // ENODEV where only software does it, EINVAL where nothing does.
 *   console.log(error.code);
 * }
 * device.close();
 * ```
 */
export type Open = (options?: OpenOptions) => Device;

/** Makes the `open` of a runtime. */
export function openIn(runtime: Runtime): Open {
  return (given = {}) => {
    const { backend, path = DEVICE, trace = traceOf(runtime), ...options } = ownOptions(given);
    const chosen =
      backend === undefined
        ? check(variable(BACKEND_VARIABLE) || "kernel", BACKEND_VARIABLE)
        : check(backend, "backend");
    const openWith = (host: Host): Device =>
      Device.open(trace === undefined ? host : traced(host, trace), path, options);
    if (chosen === "software") return openWith(runtime.software({ path }));
    try {
      return openWith(runtime.host());
    } catch (error) {
      if (chosen === "kernel" || !isAbsence(error)) throw error;
      const software = runtime.software({ path });
      const isThere = error instanceof UnsupportedError ? runtime.mayExist(path) : isForbidden(error);
      if (isThere) warnOf(error, path, software);
      return openWith(software);
    }
  };
}
