import { errnoName, errnos, iovec, type Layout, layout } from "@cryptodev/core/abi";
import { Argument } from "@cryptodev/core/host";
import type { ServerHost } from "../syscalls.ts";

/**
 * The caller's memory cannot be accessed: it belongs to another user, or the caller is in a container that is not
 * visible from here.
 */
export class UnreachableCallerError extends Error {
  /** The name of the class. */
  override readonly name = "UnreachableCallerError";
}

/** The most pieces of a caller's memory that one call transfers: IOV_MAX of `<limits.h>`. */
export const MAX_PIECES = 1024;

/** The most bytes that are copied before they are written. */
const SMALL = 4096;

/** The system call to use. */
export type Transfer = "process_vm_readv" | "process_vm_writev";

/**
 * The system calls that access a caller's memory, with their arguments: where the server's memory is, and where the
 * pieces of the caller's memory are. Unlike `/proc/pid/mem`, they respect page protections.
 */
export class ProcessVm {
  /** The caller's process. */
  pid = 0;
  readonly #host: ServerHost;
  readonly #iovec: Layout<typeof iovec>;
  readonly #local: Argument<typeof iovec>;
  readonly #remote: Argument;
  readonly #small = new Uint8Array(new ArrayBuffer(SMALL));
  readonly #smallAddress: number;

  constructor(host: ServerHost) {
    this.#host = host;
    this.#iovec = layout(iovec, host.machine);
    this.#local = new Argument(host, iovec);
    this.#remote = new Argument(host, { name: "iovec", fields: [["pieces", "char", MAX_PIECES * this.#iovec.size]] });
    this.#smallAddress = Number(host.addressOf(this.#small));
  }

  /** Sets the address of the server's memory. The caller of this method keeps that memory alive. */
  setLocal(address: number, length: number): void {
    const { iov_base, iov_len } = this.#iovec.offset;
    this.#local.setAddress(iov_base, address);
    this.#local.setAddress(iov_len, length);
  }

  /** Sets the address of one piece of the caller's memory. */
  setRemote(piece: number, address: number, length: number): void {
    const { iov_base, iov_len } = this.#iovec.offset;
    const start = piece * this.#iovec.size;
    this.#remote.setAddress(start + iov_base, address);
    this.#remote.setAddress(start + iov_len, length);
  }

  /**
   * Transfers the first pieces.
   *
   * @returns the number of bytes transferred, or a negative error number
   * @throws {UnreachableCallerError} if the caller's memory cannot be accessed
   */
  transfer(call: Transfer, pieces: number): number {
    const result = this.#host[call](this.pid, this.#local.address, 1, this.#remote.address, pieces, 0);
    if (result === -errnos.EPERM || result === -errnos.ESRCH) {
      throw new UnreachableCallerError(`${call} failed with ${errnoName(-result)}`);
    }
    return result;
  }

  /**
   * Fills a view with the caller's memory.
   *
   * @returns whether all of the bytes were read
   * @throws {UnreachableCallerError} if the caller's memory cannot be accessed
   */
  read(address: number, bytes: Uint8Array): boolean {
    return this.#move("process_vm_readv", address, bytes);
  }

  /**
   * Writes bytes. Few are copied to memory whose address is known, because to look up another address takes longer.
   *
   * @returns whether all of them were written
   * @throws {UnreachableCallerError} if the caller's memory cannot be accessed
   */
  write(address: number, bytes: Uint8Array): boolean {
    if (bytes.length > SMALL) return this.#move("process_vm_writev", address, bytes);
    this.#small.set(bytes);
    this.setLocal(this.#smallAddress, bytes.length);
    this.setRemote(0, address, bytes.length);
    return this.transfer("process_vm_writev", 1) === bytes.length;
  }

  /** Transfers any number of bytes. */
  #move(call: Transfer, address: number, bytes: Uint8Array): boolean {
    const { iov_base, iov_len } = this.#iovec.offset;
    for (let done = 0; done < bytes.length; ) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      this.#local.point(iov_base, rest);
      this.#local.setAddress(iov_len, rest.length);
      this.setRemote(0, address + done, rest.length);
      const result = this.transfer(call, 1);
      // One call transfers at most 2 GiB. A short transfer of less than 1 GiB, or of nothing, means that the memory ends.
      if (result <= 0 || (result < rest.length && result < 2 ** 30)) return false;
      done += result;
    }
    return true;
  }

  /** Releases memory that was transferred. */
  release(): void {
    this.#local.point(this.#iovec.offset.iov_base, null);
  }
}
