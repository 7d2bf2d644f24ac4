import { Argument, errnoName, errnos, iovec, type Layout, type LibcHost, layout } from "@cryptodev/core";

/** The memory of a caller is out of our reach: it is another user's, or in a container that cannot be seen from here. */
export class UnreachableCallerError extends Error {}

/** The most pieces of a caller's memory that one call moves: IOV_MAX of `<limits.h>`. */
export const MOST_PIECES = 1024;

/** What of `process_vm_readv(2)` and `process_vm_writev(2)` is meant. */
export type Transfer = "processVmReadv" | "processVmWritev";

/**
 * The system calls that reach a caller's memory, with what they take: where ours is, and where the pieces of theirs are.
 * They keep to page protections, where `/proc/pid/mem` writes through them.
 */
export class ProcessVm {
  /** Whose memory it is. */
  pid = 0;
  readonly #host: LibcHost;
  readonly #iovec: Layout<typeof iovec>;
  readonly #local: Argument<typeof iovec>;
  readonly #remote: Argument;

  constructor(host: LibcHost) {
    this.#host = host;
    this.#iovec = layout(iovec, host.machine);
    this.#local = new Argument(host, iovec);
    this.#remote = new Argument(host, { name: "iovec", fields: [["pieces", "char", MOST_PIECES * this.#iovec.size]] });
  }

  /** Says where ours is; somebody else keeps that memory. */
  setLocal(address: number, length: number): void {
    const { iov_base, iov_len } = this.#iovec.offset;
    this.#local.setAddress(iov_base, address);
    this.#local.setAddress(iov_len, length);
  }

  /** Says where one piece of theirs is. */
  setRemote(piece: number, address: number, length: number): void {
    const { iov_base, iov_len } = this.#iovec.offset;
    const start = piece * this.#iovec.size;
    this.#remote.setAddress(start + iov_base, address);
    this.#remote.setAddress(start + iov_len, length);
  }

  /**
   * Moves the first pieces.
   *
   * @returns how many bytes went, or a negative error number
   * @throws {@link UnreachableCallerError}
   */
  transfer(call: Transfer, pieces: number): number {
    const result = this.#host[call](this.pid, this.#local, this.#remote, pieces);
    if (result === -errnos.EPERM || result === -errnos.ESRCH) {
      throw new UnreachableCallerError(`${call} answered ${errnoName(-result)}`);
    }
    return result;
  }

  /**
   * Moves bytes, however many.
   *
   * @returns whether all of them went
   * @throws {@link UnreachableCallerError}
   */
  move(call: Transfer, address: number, bytes: Uint8Array): boolean {
    const { iov_base, iov_len } = this.#iovec.offset;
    for (let done = 0; done < bytes.length; ) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      this.#local.point(iov_base, rest);
      this.#local.setAddress(iov_len, rest.length);
      this.setRemote(0, address + done, rest.length);
      const result = this.transfer(call, 1);
      // One call moves at most 2 GiB; where it moved less than a page, or nothing, the memory ends.
      if (result <= 0 || (result < rest.length && result < 2 ** 30)) return false;
      done += result;
    }
    return true;
  }

  /** Lets go of memory that was moved. */
  release(): void {
    this.#local.point(this.#iovec.offset.iov_base, null);
  }
}
