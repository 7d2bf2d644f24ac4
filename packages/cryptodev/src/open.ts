import { CryptodevError, Device, type DeviceOptions, type Host, traced, UnsupportedError } from "@cryptodev/core";
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

/** What a runtime brings in. */
export interface Runtime {
  /** Its host; throws an `UnsupportedError` where this system has none. */
  host(): Host;
  /** Makes a device in software. */
  software(options: SoftwareHostOptions): Host;
  /** Adds text to a file, before it returns. */
  append(path: string, text: string): void;
}

/** Every backend that there is. */
export const backends: readonly Backend[] = ["kernel", "software", "auto"];

function check(backend: unknown, source: string): Backend {
  if (backends.includes(backend as Backend)) return backend as Backend;
  throw new RangeError(`${source}: expected "kernel", "software" or "auto", got ${JSON.stringify(backend)}`);
}

/** The system has no device at all; one that is there and refuses is not passed over in silence. */
function isAbsence(error: unknown): boolean {
  if (error instanceof CryptodevError) return ["ENOENT", "ENXIO", "ENODEV"].includes(error.code);
  return error instanceof UnsupportedError;
}

/** Where the environment wants calls to be told; `undefined` where it does not. */
function traceOf(runtime: Runtime): ((line: string) => void) | undefined {
  const target = variable(TRACE_VARIABLE) ?? "";
  if (target === "" || target === "0") return undefined;
  return target === "1" ? (line) => console.error(line) : (line) => runtime.append(target, `${line}\n`);
}

/**
 * Opens the device: the kernel's `/dev/crypto`, unless told otherwise.
 *
 * @throws `CryptodevError` where the kernel refuses, with what to do about it; `UnsupportedError` where this system
 * cannot reach a kernel's device; `RangeError` for an unknown backend
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
  return ({ backend, path, trace = traceOf(runtime), ...options } = {}) => {
    const chosen =
      backend === undefined
        ? check(variable(BACKEND_VARIABLE) || "kernel", BACKEND_VARIABLE)
        : check(backend, "backend");
    const openWith = (host: Host): Device =>
      Device.open(trace === undefined ? host : traced(host, trace), path, options);
    if (chosen !== "software") {
      try {
        return openWith(runtime.host());
      } catch (error) {
        if (chosen === "kernel" || !isAbsence(error)) throw error;
      }
    }
    return openWith(runtime.software(path === undefined ? {} : { path }));
  };
}
