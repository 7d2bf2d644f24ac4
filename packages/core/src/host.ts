import type { Machine } from "./abi/machine.ts";
import type { iovec, pollfd as pollfdStruct } from "./abi/structs.ts";
import type { Argument } from "./memory/argument.ts";

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

/**
 * A host with a real libc, which has more system calls for code that serves a device rather than uses one: `read(2)`,
 * `write(2)`, `mount(2)`, and access to the memory of other processes. It returns results as {@link Host} does.
 */
export interface LibcHost extends Host {
  readonly backend: "kernel";
  /**
   * `read(2)` into a whole buffer.
   *
   * @returns the number of bytes read, or a negative error number
   */
  read(fd: number, buffer: Argument): number;
  /**
   * `write(2)` of the first `length` bytes of a buffer.
   *
   * @returns the number of bytes written, or a negative error number
   */
  write(fd: number, buffer: Argument, length: number): number;
  /**
   * `mount(2)`.
   *
   * @returns 0, or a negative error number
   */
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  /**
   * `umount2(2)`.
   *
   * @returns 0, or a negative error number
   */
  umount2(target: string, flags: number): number;
  /**
   * `process_vm_readv(2)`: reads memory of the process or thread `pid`, subject to its page protections.
   *
   * @param local - where the bytes go, one range after the other
   * @param remote - `remotes` structs of type `iovec`: the ranges to read
   * @returns the number of bytes read, fewer than requested if the memory ends earlier, or a negative error number
   */
  processVmReadv(pid: number, local: Argument<typeof iovec>, remote: Argument, remotes: number): number;
  /**
   * `process_vm_writev(2)`: like {@link LibcHost.processVmReadv}, but writes.
   *
   * @returns the number of bytes written, or a negative error number
   */
  processVmWritev(pid: number, local: Argument<typeof iovec>, remote: Argument, remotes: number): number;
}
