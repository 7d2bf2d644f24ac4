import { errnoName, errnos } from "./abi/errno.ts";

/** The parts of a {@link CryptodevError}. */
export interface Refusal {
  /** The error number, positive. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: "open" | "ioctl" | "close";
  /** The ioctl's name, if the call was one. */
  readonly ioctl?: string;
  /** The device's path. */
  readonly path: string;
  /** What the error means and what to do, for a person. */
  readonly hint: string;
}

/**
 * The kernel, or the software device in its place, refused a call.
 *
 * @example
 * ```ts
 * import { CryptodevError, Device } from "@cryptodev/core";
 * import { SoftwareHost } from "@cryptodev/soft";
 *
 * try {
 *   Device.open(new SoftwareHost(), "/dev/missing");
 * } catch (error) {
 *   if (error instanceof CryptodevError) console.log(error.code); // ENOENT
 * }
 * ```
 */
export class CryptodevError extends Error {
  /** The name of the class. */
  override readonly name = "CryptodevError";
  /** The error's C name, such as `"EINVAL"`. */
  readonly code: string;
  /** The error's number, positive. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: Refusal["syscall"];
  /** The ioctl's name, such as `"CIOCGSESSION"`; `undefined` if the call was not an ioctl. */
  readonly ioctl: string | undefined;
  /** The device's path. */
  readonly path: string;

  /** Builds the message from its parts. */
  constructor(refusal: Refusal) {
    const { errno, syscall, ioctl, path, hint } = refusal;
    const code = errnoName(errno);
    super(`${ioctl ?? syscall} ${path}: ${code}, ${hint}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.ioctl = ioctl;
    this.path = path;
  }
}

/**
 * Something that is needed to reach a kernel's `/dev/crypto` is missing: Linux, libc, or the runtime's foreign function
 * interface. The software device works anyway. `cryptodev/crypto` throws it for functions that no device supports.
 */
export class UnsupportedError extends Error {
  /** The name of the class. */
  override readonly name = "UnsupportedError";

  /**
   * Builds the message: what is missing, and what to do.
   *
   * @param missing - what is missing
   * @param options - `remedy` says what to do; it defaults to using the software device
   */
  constructor(missing: string, options: ErrorOptions & { readonly remedy?: string } = {}) {
    super(`${missing}; ${options.remedy ?? useSoftware}`, options);
  }
}

/** A device or session was used after it was closed. Closing a device also closes its sessions. */
export class ClosedError extends Error {
  /** The name of the class. */
  override readonly name = "ClosedError";
}

const useSoftware =
  'to continue without the kernel, use the software device: open({ backend: "software" }) or CRYPTODEV_BACKEND=software';

const serverEnded = "the process that served this device has ended";

const openHints: Readonly<Record<number, string>> = {
  [errnos.ENOENT]: `there is no such device. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.ENXIO]: `the device node exists, but no driver is loaded for it. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.ENODEV]: `the device node exists, but no driver is loaded for it. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.EACCES]: `this user may not open the device. \`ls -l\` shows who may; a udev rule such as KERNEL=="crypto", MODE="0666" opens it to everybody`,
  [errnos.EPERM]:
    "opening the device is not permitted here; a container has to be given the device, for example with --device",
  [errnos.EMFILE]: "this process has no descriptor left; close devices that are no longer used",
  [errnos.ENFILE]: "the system has no descriptor left",
  [errnos.ENOTCONN]: serverEnded,
  [errnos.ECONNABORTED]: serverEnded,
};

const ioctlHints: Readonly<Record<number, string>> = {
  [errnos.EBADF]: "the descriptor is not open: something else in this process closed it",
  [errnos.ENOTTY]: "this file is not a /dev/crypto",
  [errnos.EFAULT]: "the driver could not reach the memory of the operation",
  [errnos.ENOMEM]: "the kernel is out of memory",
  [errnos.EBUSY]: "the device is busy",
  [errnos.EBADMSG]: "the data did not authenticate",
  [errnos.EOPNOTSUPP]: "this device cannot do that",
  [errnos.ENOTCONN]: serverEnded,
  [errnos.ECONNABORTED]: serverEnded,
  [errnos.ENOTRECOVERABLE]: "this call would have crashed a kernel; the server's log says why",
};

/** Explains a failed `open(2)`. */
export function openHint(errno: number): string {
  return openHints[errno] ?? "the device could not be opened";
}

/** Explains EINVAL if the kernel does not pass an ioctl to its driver, and says what to do. */
export function compatHint(ioctl: string): string {
  const instead = ioctl === "CIOCCPHASH" ? "hash the data twice" : "use node:crypto";
  return `this is a 32-bit process on a 64-bit kernel, whose driver does not answer ${ioctl} then. Use a 64-bit runtime, or ${instead}`;
}

/** Explains a failed ioctl, if the caller does not know more about it. */
export function ioctlHint(errno: number): string {
  return ioctlHints[errno] ?? "the driver refused the operation";
}
