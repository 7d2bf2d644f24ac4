import type { Machine } from "../abi/machine.ts";
import type { pollfd as pollfdStruct } from "../abi/structs.ts";
import type { Argument } from "../memory/argument.ts";

/** A memory address, in the form that the runtime's foreign function interface accepts without a conversion. */
export type Address = number | bigint;

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
export interface Host {
  /** The backend: the kernel, or a software device. */
  readonly backend: "kernel" | "software";
  /** The struct layout and the request numbers that the device expects. */
  readonly machine: Machine;

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
   * `poll(2)` for one `pollfd`; the timeout is in milliseconds.
   *
   * @returns 0 or 1, or a negative error number
   */
  poll(pollfd: Argument<typeof pollfdStruct>, timeout: number): number;

  /**
   * Returns the address of the first byte of `bytes`, which must not be empty. The address is valid while `bytes` is
   * referenced and not detached; it does not keep `bytes` alive.
   *
   * @param argument - the argument that this pointer will be stored in. A host that makes addresses up assigns them per
   * argument, valid for one call, so that none accumulate
   * @returns the address
   */
  addressOf(bytes: Uint8Array, argument?: Argument): Address;

  /** Warns the user of a mistake that cannot be thrown, such as a session that was dropped without being closed. */
  warn(message: string): void;
}
