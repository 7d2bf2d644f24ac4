import { Argument } from "@cryptodev/core/host";
import type { ServerHost } from "../syscalls.ts";

/** Numbers of system calls (`<asm/unistd.h>`), and the architecture as a filter sees it (`<linux/audit.h>`). */
interface CallNumbers {
  readonly seccomp: number;
  readonly statx: number;
  /** The call ioctl(2) of each kind of program that this machine can run: 64-bit and 32-bit. */
  readonly ioctls: readonly { readonly arch: number; readonly nr: number }[];
}

const [AUDIT_ARCH_X86_64, AUDIT_ARCH_I386] = [0xc000003e, 0x40000003];
const [AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM] = [0xc00000b7, 0x40000028];

const numbers: Readonly<Record<string, CallNumbers>> = {
  x64: {
    seccomp: 317,
    statx: 332,
    ioctls: [
      { arch: AUDIT_ARCH_X86_64, nr: 16 },
      { arch: AUDIT_ARCH_I386, nr: 54 },
    ],
  },
  arm64: {
    seccomp: 277,
    statx: 291,
    ioctls: [
      { arch: AUDIT_ARCH_AARCH64, nr: 29 },
      { arch: AUDIT_ARCH_ARM, nr: 54 },
    ],
  },
};

/** These have the same number on all architectures. */
const [PIDFD_OPEN, PIDFD_GETFD] = [434, 438];

const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;

const statxStruct = {
  name: "statx",
  fields: [
    ["before", "char", 128],
    ["rdev_major", "u32"],
    ["rdev_minor", "u32"],
    ["dev_major", "u32"],
    ["dev_minor", "u32"],
    ["after", "char", 112],
  ],
} as const;

/** System calls for which not every libc has a function. They return what those of {@link ServerHost} return. */
export class DirectCalls {
  readonly #host: ServerHost;
  readonly #numbers: CallNumbers;
  readonly #statx: Argument<typeof statxStruct>;
  readonly #emptyPath: Argument;

  private constructor(host: ServerHost, callNumbers: CallNumbers) {
    this.#host = host;
    this.#numbers = callNumbers;
    this.#statx = new Argument(host, statxStruct);
    this.#emptyPath = new Argument(host, { name: "path", fields: [["end", "char", 1]] });
  }

  /** @returns `undefined` if the numbers are not known for this architecture */
  static on(host: ServerHost, architecture: string = process.arch): DirectCalls | undefined {
    const known = Object.hasOwn(numbers, architecture) ? numbers[architecture] : undefined;
    return known === undefined ? undefined : new DirectCalls(host, known);
  }

  /** The call ioctl(2) of each kind of program that this machine can run. */
  get ioctls(): CallNumbers["ioctls"] {
    return this.#numbers.ioctls;
  }

  seccomp(operation: number, flags: number, argument: Argument): number {
    return this.#host.syscall(this.#numbers.seccomp, operation, flags, Number(argument.address), 0, 0);
  }

  pidfdOpen(pid: number, flags: number): number {
    return this.#host.syscall(PIDFD_OPEN, pid, flags, 0, 0, 0);
  }

  pidfdGetfd(pidfd: number, fd: number): number {
    return this.#host.syscall(PIDFD_GETFD, pidfd, fd, 0, 0, 0);
  }

  /**
   * Identifies the device that an open file leads to, without asking its server: FUSE gives each server a file system
   * of its own, and CUSE a device number.
   *
   * @returns both numbers; `undefined` if the descriptor is not open
   */
  deviceOf(fd: number): string | undefined {
    const { address, offset } = this.#statx;
    const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    const path = Number(this.#emptyPath.address);
    if (this.#host.syscall(this.#numbers.statx, fd, path, flags, 0, Number(address)) < 0) return undefined;
    const members = [offset.dev_major, offset.dev_minor, offset.rdev_major, offset.rdev_minor];
    return members.map((member) => this.#statx.getUint32(member)).join(":");
  }
}
