import type { Machine } from "./abi/machine.ts";
import type { pollfd as pollfdStruct } from "./abi/structs/pollfd.ts";
import type { Argument } from "./argument.ts";

/** A memory address, in the form that the runtime's foreign function interface takes without converting it. */
export type Address = number | bigint;

/**
 * All that the library needs of the world: four system calls, and the addresses of memory.
 *
 * A host of a runtime forwards to libc and holds no logic. The software device is a host too; its addresses are made
 * up, which is why calls carry the {@link Argument} itself and not only its address: whoever answers can reach, through
 * the argument, exactly the memory that the call names.
 *
 * System calls return what libc returned, or the negative error number (`-22` for EINVAL) where libc returned -1. The
 * number is read in the same call, before anything else can overwrite `errno`. A host belongs to one thread.
 */
export interface Host {
  /** What answers the calls: the kernel, or a device in software. */
  readonly backend: "kernel" | "software";
  /** The layout of structs and the numbering of requests that the other side expects. */
  readonly machine: Machine;

  /** `open(2)`. @returns a descriptor, or a negative error number */
  open(path: string, flags: number): number;
  /** `close(2)`. @returns 0, or a negative error number */
  close(fd: number): number;
  /** `ioctl(2)`; `null` is a NULL pointer. @returns what the driver returned, or a negative error number */
  ioctl(fd: number, request: number, argument: Argument | null): number;
  /** `poll(2)` over one `pollfd`; the timeout is in milliseconds. @returns 0 or 1, or a negative error number */
  poll(pollfd: Argument<typeof pollfdStruct>, timeout: number): number;

  /**
   * The address of the first byte of `bytes`, which is not empty. It holds while `bytes` is referenced and not
   * detached, and keeps nothing alive by itself.
   *
   * @param argument - the argument that one of whose pointers it is for. A host that makes addresses up gives those of
   * one argument, which name the same memory for the length of a call, so that none are left over afterwards
   */
  addressOf(bytes: Uint8Array, argument?: Argument): Address;

  /** Tells the user of a mistake that cannot be thrown, such as a session that was dropped without being closed. */
  warn(message: string): void;
}
