import { errnoName, errnos } from "./abi/errno.ts";

/** What a {@link CryptodevError} is made of. */
export interface Refusal {
  /** The error number, positive. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: "open" | "ioctl" | "close";
  /** The ioctl's name, where it was one. */
  readonly ioctl?: string;
  /** The device's path. */
  readonly path: string;
  /** What it means and what to do, for a person. */
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
  /** The name of the class, as errors have it. */
  override readonly name = "CryptodevError";
  /** The error's C name, such as `"EINVAL"`. */
  readonly code: string;
  /** The error's number, positive. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: Refusal["syscall"];
  /** The ioctl's name, such as `"CIOCGSESSION"`; `undefined` where it was no ioctl. */
  readonly ioctl: string | undefined;
  /** The device's path. */
  readonly path: string;

  /** Puts the message together from what was refused. */
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
 * This system lacks what reaching a kernel's `/dev/crypto` takes: Linux, libc, or the runtime's foreign function
 * interface. The software device works all the same. `cryptodev/crypto` throws it for functions that no device has.
 */
export class UnsupportedError extends Error {
  /** The name of the class, as errors have it. */
  override readonly name = "UnsupportedError";

  /**
   * Says what is missing, and what to do.
   *
   * @param missing - what is not there
   * @param options - `remedy` says what to do about it; to use the software device if left out
   */
  constructor(missing: string, options: ErrorOptions & { readonly remedy?: string } = {}) {
    super(`${missing}; ${options.remedy ?? useSoftware}`, options);
  }
}

/** Something was used after its end: a closed device, or a session that was closed or whose device was. */
export class ClosedError extends Error {
  /** The name of the class, as errors have it. */
  override readonly name = "ClosedError";
}

const useSoftware =
  'to go on without the kernel, use the software device: open({ backend: "software" }) or CRYPTODEV_BACKEND=software';

const serverEnded = "the process that served this device has ended";

const openHints: Readonly<Record<number, string>> = {
  [errnos.ENOENT]: `there is no such device. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.ENXIO]: `the device node is there, its driver is not. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.ENODEV]: `the device node is there, its driver is not. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.EACCES]: `this user may not open the device. \`ls -l\` shows who may; a udev rule such as KERNEL=="crypto", MODE="0666" opens it to everybody`,
  [errnos.EPERM]: "opening the device is forbidden here, as containers do for devices that they were not given",
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
  [errnos.ENOTRECOVERABLE]: "a kernel would not have survived this call; the server's log says why",
};

/** What a failed `open(2)` means. */
export function openHint(errno: number): string {
  return openHints[errno] ?? "the device could not be opened";
}

/** What EINVAL means if the kernel does not pass an ioctl on to its driver, and what to do. */
export function compatHint(ioctl: string): string {
  const instead = ioctl === "CIOCCPHASH" ? "hash the data twice" : "use node:crypto";
  return `this is a 32-bit process on a 64-bit kernel, whose driver does not answer ${ioctl} then. Use a 64-bit runtime, or ${instead}`;
}

/** What a failed ioctl means, where the caller knows no better. */
export function ioctlHint(errno: number): string {
  return ioctlHints[errno] ?? "the driver refused the operation";
}
