import type { pollfd } from "../abi/structs.ts";
import type { AddressSpace, Argument } from "../memory/argument.ts";

/**
 * Everything that the library needs from its environment: four system calls, and the addresses of memory.
 *
 * The host of a runtime only forwards to libc. The software device is a host too. Its addresses are made up, so calls
 * pass the {@link Argument} itself and not only its address: through the argument, a host can access exactly the memory
 * that the call refers to.
 *
 * A system call returns what libc returned, or the negative error number (`-22` for EINVAL) if libc returned -1. The
 * number is read in the same call, before anything else can overwrite `errno`. A host belongs to one thread.
 */
export interface Host extends AddressSpace {
  /** The backend: the kernel, or a software device. */
  readonly backend: "kernel" | "software";
  /**
   * `open(2)`.
   *
   * @returns a descriptor, or a negative error number
   */
  open(path: string, flags: number): number;
  /**
   * `close(2)`.
   *
   * @returns 0, or a negative error number
   */
  close(fd: number): number;
  /**
   * `ioctl(2)`; `null` is a NULL pointer.
   *
   * @returns what the driver returned, or a negative error number
   */
  ioctl(fd: number, request: number, argument: Argument | null): number;
  /**
   * `poll(2)` for one entry; the timeout is in milliseconds.
   *
   * @returns 0 or 1, or a negative error number
   */
  poll(entry: Argument<typeof pollfd>, timeout: number): number;

  /** Warns the user of a mistake that cannot be thrown, such as a session that was dropped without being closed. */
  warn(message: string): void;
}
