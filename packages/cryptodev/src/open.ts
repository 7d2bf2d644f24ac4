import { CryptodevError, Device, type DeviceOptions, UnsupportedError } from "@cryptodev/core";
import { environmentVariable, type Host, inWords, memberOf, traced, useSoftware } from "@cryptodev/core/host";
import type { SoftwareHostOptions } from "@cryptodev/soft";

/**
 * What a device runs on: `"kernel"`, the driver behind `/dev/crypto`; `"software"`, the software device in this
 * process; or `"auto"`, the kernel's device if this system has one, otherwise the software device.
 */
export type Backend = "kernel" | "software" | "auto";

/** What opening a device needs from a runtime. */
export interface Opener {
  /**
   * Returns the runtime's host.
   *
   * @throws {UnsupportedError} if this system does not have one
   */
  host(): Host;
  /** Creates a software device. */
  software(options: SoftwareHostOptions): Host;
  /** Appends text to a file, synchronously. */
  append(path: string, text: string): void;
  /** Checks whether a file exists. Also returns `true` if the program is not permitted to check. */
  mayExist(path: string): boolean;
}

/** Options of {@link open}. */
export interface OpenOptions extends DeviceOptions {
  /** The backend. Defaults to the environment variable `CRYPTODEV_BACKEND`, and without it to `"kernel"`. */
  readonly backend?: Backend | undefined;
  /** The device's path. Defaults to `/dev/crypto`. */
  readonly path?: string | undefined;
  /**
   * Receives one line for each system call, decoded as by `strace(1)`: see {@link traced}. Without it, the environment
   * variable `CRYPTODEV_TRACE` applies: `1` writes the lines to standard error, and any other value but `0` is the path
   * of a file to which they are appended. Costs nothing if neither is set.
   */
  readonly trace?: ((line: string) => void) | undefined;
}

/** The environment variable that selects the backend if the program does not. */
export const BACKEND_VARIABLE = "CRYPTODEV_BACKEND";

/** The environment variable that turns on tracing if the program does not. */
export const TRACE_VARIABLE = "CRYPTODEV_TRACE";

/** The default path. */
const DEVICE = "/dev/crypto";

/** All backends. */
export const backends: readonly Backend[] = ["kernel", "software", "auto"];

function check(backend: unknown, source: string): Backend {
  if (backends.includes(backend as Backend)) return backend as Backend;
  // Nobody passes a secret in the environment variable by mistake, so its value is shown whatever it is.
  const shown = source === BACKEND_VARIABLE ? JSON.stringify(backend) : inWords(backend, backends);
  const message = `${source}: expected "kernel", "software" or "auto", got ${shown}`;
  throw typeof backend === "string" ? new RangeError(message) : new TypeError(message);
}

/** Reads each option once: properties that a program added to `Object.prototype` are not options. */
function optionsOf(options: unknown): OpenOptions {
  if (typeof options !== "object" || options === null) {
    const remedy = typeof options === "string" ? "; pass a path by name: { path }" : "";
    throw new TypeError(`options of open(): expected an object, got ${inWords(options)}${remedy}`);
  }
  const names = ["backend", "path", "trace", "hardware", "chunkSize", "statistics"] as const;
  const read = Object.fromEntries(names.map((name) => [name, memberOf(options, name)])) as OpenOptions;
  for (const [name, type] of [["path", "string"] as const, ["trace", "function"] as const]) {
    const value: unknown = read[name];
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`${name}: expected a ${type}, got ${inWords(value)}`);
    }
  }
  return read;
}

/**
 * Checks whether the system does not have a device, or this program is not permitted to use it. A device that fails for
 * any other reason is an error, not a reason to use the software device.
 */
function isAbsence(error: unknown): error is Error {
  if (!(error instanceof CryptodevError)) return error instanceof UnsupportedError;
  return ["ENOENT", "ENXIO", "ENODEV"].includes(error.code) || isForbidden(error);
}

function isForbidden(error: Error): boolean {
  return error instanceof CryptodevError && ["EACCES", "EPERM"].includes(error.code);
}

let isWarned = false;

/** Warns once that a device exists but is not used. If the warning fails, the program still gets its device. */
function warnOf(reason: Error, path: string, host: Host): void {
  if (isWarned) return;
  isWarned = true;
  try {
    // Its advice is what has just happened.
    const why = reason.message.replace(`; ${useSoftware}`, "");
    host.warn(`backend "auto" uses the software device, and not ${path}: ${why}`);
  } catch {}
}

/**
 * Returns what writes the trace that the environment asks for.
 *
 * @returns `undefined` if it does not ask for one
 */
function traceOf(runtime: Opener): ((line: string) => void) | undefined {
  const target = environmentVariable(TRACE_VARIABLE) ?? "";
  if (target === "" || target === "0") return undefined;
  if (target === "1") return (line) => console.error(line);
  try {
    runtime.append(target, "");
  } catch (cause) {
    throw new Error(`${TRACE_VARIABLE}: cannot write to ${target}; set it to 1 for standard error`, { cause });
  }
  return (line) => runtime.append(target, `${line}\n`);
}

/** A function that opens a device, such as `open`. */
export type Open = (options?: OpenOptions) => Device;

/** Opens a device with what a runtime has. `open` describes the options and the errors. */
export function openIn(runtime: Opener, given: OpenOptions = {}): Device {
  const { backend, path = DEVICE, trace = traceOf(runtime), ...options } = optionsOf(given);
  const chosen =
    backend === undefined
      ? check(environmentVariable(BACKEND_VARIABLE) || "kernel", BACKEND_VARIABLE)
      : check(backend, "backend");
  const openWith = (host: Host): Device =>
    Device.open(trace === undefined ? host : traced(host, trace), { path, ...options });
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
}
