import type { Machine } from "./abi/machine.ts";
import type { iovec, pollfd as pollfdStruct } from "./abi/structs.ts";
import type { Argument } from "./memory/argument.ts";

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

/**
 * What a host of a real libc can do besides, for those who serve a device rather than use one: `read(2)`, `write(2)`,
 * `mount(2)`, and the memory of other processes. It answers as {@link Host} does.
 */
export interface LibcHost extends Host {
  readonly backend: "kernel";
  /** `read(2)` into the whole of a buffer. @returns how many bytes came, or a negative error number */
  read(fd: number, buffer: Argument): number;
  /** `write(2)` of the first `length` bytes of a buffer. @returns how many went, or a negative error number */
  write(fd: number, buffer: Argument, length: number): number;
  /** `mount(2)`. @returns 0, or a negative error number */
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  /** `umount2(2)`. @returns 0, or a negative error number */
  umount2(target: string, flags: number): number;
  /**
   * `process_vm_readv(2)`: reads memory of the process or thread `pid`, with its page protections kept to.
   *
   * @param local - where the bytes go, one piece after the other
   * @param remote - as many `iovec` as `remotes` says: where the pieces are
   * @returns how many bytes came, fewer than were asked for where the memory ends, or a negative error number
   */
  processVmReadv(pid: number, local: Argument<typeof iovec>, remote: Argument, remotes: number): number;
  /** `process_vm_writev(2)`: the same, to write. */
  processVmWritev(pid: number, local: Argument<typeof iovec>, remote: Argument, remotes: number): number;
}
