import { type ErrnoName, errnoName, errnos } from "./abi/errno.ts";

/** The parts of a {@link CryptodevError}. */
export interface FailedCall {
  /** The error number, positive. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: "open" | "ioctl" | "close";
  /** The ioctl's name, if the call was one. */
  readonly ioctl?: string | undefined;
  /** The device's path. */
  readonly path: string;
  /** What the error means and what to do, for a person. */
  readonly hint: string;
}

/** Sets the `name` of an error class once for all its errors, as the language's own error classes do. */
function named(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, "name", { value: name, writable: true, configurable: true });
}

/**
 * A system call failed: the kernel, or the software device in its place, refused it.
 *
 * @example
 * ```ts
 * import { CryptodevError, open } from "cryptodev";
 *
 * try {
 *   open({ backend: "software", path: "/dev/crypto" }).cipher("blowfish-cbc", new Uint8Array(16)).close();
 * } catch (error) {
 *   if (error instanceof CryptodevError) console.log(error.code, error.hint);
 * }
 * ```
 */
export class CryptodevError extends Error {
  static {
    named(CryptodevError, "CryptodevError");
  }

  /** The error's C name, such as `"EINVAL"`; `E` and the number if it has none. */
  readonly code: ErrnoName | `E${number}`;
  /** The error's number, positive. */
  readonly errno: number;
  /** The system call that failed. */
  readonly syscall: FailedCall["syscall"];
  /** The ioctl's name, such as `"CIOCGSESSION"`; `undefined` if the call was not an ioctl. */
  readonly ioctl: string | undefined;
  /** The device's path. */
  readonly path: string;
  /** What the error means and what to do, for a person. It is also the end of the message. */
  readonly hint: string;

  /** Builds the message from its parts. */
  constructor({ errno, syscall, ioctl, path, hint }: FailedCall) {
    const code = errnoName(errno);
    super(`${ioctl ?? syscall} ${path}: ${code}, ${hint}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.ioctl = ioctl;
    this.path = path;
    this.hint = hint;
  }
}

/**
 * Data did not authenticate: it was changed, or the key, the iv or nonce, the aad or header, the tag or mac, or the
 * padding is wrong. It does not say which, because whoever can tell these apart can decrypt (RFC 5246, section
 * 6.2.3.2). The plaintext was wiped.
 *
 * @example
 * ```ts
 * import { AuthenticationError, open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const gcm = device.aead("aes-256-gcm", crypto.getRandomValues(new Uint8Array(32)));
 * try {
 *   gcm.open(new Uint8Array(48), { nonce: new Uint8Array(12) });
 * } catch (error) {
 *   console.log(error instanceof AuthenticationError); // true
 * }
 * device.close();
 * ```
 */
export class AuthenticationError extends Error {
  static {
    named(AuthenticationError, "AuthenticationError");
  }

  /** Builds the message, which is the same for every cause. */
  constructor() {
    super("authentication failed: the data, its tag, mac or padding, the iv, nonce or aad, or a key is wrong");
  }
}

/**
 * The device or session is in use: an asynchronous operation is in flight, or a trace used the device that it reports
 * on. The call was not sent, and can be repeated later.
 */
export class BusyError extends Error {
  static {
    named(BusyError, "BusyError");
  }
}

/** A session was refused because only software implements it, and the device was opened with `hardware: "require"`. */
export class HardwareRequiredError extends Error {
  static {
    named(HardwareRequiredError, "HardwareRequiredError");
  }

  /** The algorithm, by this library's name. */
  readonly algorithm: string;
  /** The kernel's driver that would have served it, such as `cbc-aes-aesni`. */
  readonly driver: string;

  /** Builds the message from its parts. */
  constructor(algorithm: string, driver: string) {
    super(`${algorithm} is served by ${driver}, which is software, but hardware: "require" was requested`);
    this.algorithm = algorithm;
    this.driver = driver;
  }
}

/**
 * What is missing, for programs: `"platform"` is Linux, or a layout of `/dev/crypto` for this processor; `"ffi"` is libc
 * or the runtime's foreign function interface; `"software"` is the software device, which could not be loaded;
 * `"threads"` are worker threads; `"zero-copy"` is memory that the driver uses without copying it; `"function"` is a
 * function that the device does not support.
 */
export type UnsupportedCode = "platform" | "ffi" | "software" | "threads" | "zero-copy" | "function";

/**
 * Something that the library needs is missing here; {@link UnsupportedError.code} says what. Without Linux, libc or the
 * foreign function interface, the software device works anyway.
 */
export class UnsupportedError extends Error {
  static {
    named(UnsupportedError, "UnsupportedError");
  }

  /** What is missing. */
  readonly code: UnsupportedCode;

  /**
   * Builds the message: what is missing, and what to do.
   *
   * @param code - what is missing, for programs
   * @param missing - what is missing, for people
   * @param options - `remedy` says what to do; it defaults to using the software device
   */
  constructor(code: UnsupportedCode, missing: string, options: ErrorOptions & { readonly remedy?: string } = {}) {
    super(`${missing}; ${options.remedy ?? useSoftware}`, options);
    this.code = code;
  }
}

/**
 * Whether a session could not be started because the kernel does not have the algorithm, or because hardware is required
 * and only software implements it.
 *
 * @example
 * ```ts
 * import { isMissing } from "cryptodev/host";
 *
 * console.log(isMissing(new Error("another one"))); // false
 * ```
 */
export function isMissing(error: unknown): boolean {
  return error instanceof HardwareRequiredError || (error instanceof CryptodevError && error.code === "EINVAL");
}

/** A device or session was used after it was closed. Closing a device also closes its sessions. */
export class ClosedError extends Error {
  static {
    named(ClosedError, "ClosedError");
  }
}

/**
 * What to do if the kernel's device cannot be used, at the end of messages.
 *
 * @internal
 */
export const useSoftware =
  'use the software device: open({ backend: "software" }), or CRYPTODEV_BACKEND=software, in Deno with --allow-env';

const serverEnded = "the process that served this device has ended";

const openHints: Readonly<Record<number, string>> = {
  [errnos.ENOENT]: `there is no such device. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.ENXIO]: `the device node exists, but no driver is loaded for it. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.ENODEV]: `the device node exists, but no driver is loaded for it. Load the kernel module with \`modprobe cryptodev\`, or ${useSoftware}`,
  [errnos.EACCES]: `this user is not permitted to open the device. \`ls -l\` shows who is; a udev rule such as KERNEL=="crypto", GROUP="crypto", MODE="0660" permits it to a group`,
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
  return `the driver of a 64-bit kernel does not support ${ioctl} in 32-bit processes. Use a 64-bit runtime, or ${instead}`;
}

/** Explains a failed ioctl, if the caller does not know more about it. */
export function ioctlHint(errno: number): string {
  return ioctlHints[errno] ?? "the driver refused the operation";
}
