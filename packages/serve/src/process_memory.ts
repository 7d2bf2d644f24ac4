import { Argument, errnoName, errnos, iovec, type LibcHost } from "@cryptodev/core";
import type { Memory } from "@cryptodev/soft";
import { Maps } from "./maps.ts";

/** The memory of a caller is out of our reach: it is another user's, or in a container that cannot be seen from here. */
export class UnreachableCallerError extends Error {}

const nothing = new Uint8Array();

/** How many callers' mappings are remembered. */
const MOST_MAPS = 64;
/** Room for what one call reads; keys are at its start, as the first that a call reads. */
const SCRATCH = 2 ** 20;
const KEYS = 4096;

/**
 * The memory of whoever calls: `process_vm_readv(2)` and `process_vm_writev(2)`, which keep to page protections where
 * `/proc/pid/mem` writes through them.
 *
 * Whether memory is writable has to be known before anything is written, and only `/proc/pid/maps` tells. It costs more
 * than a whole call, so what it said is believed as long as it says yes: should the caller have unmapped something since,
 * the write itself fails, and what was remembered is forgotten.
 */
export class ProcessMemory implements Memory {
  readonly #host: LibcHost;
  readonly #local: Argument<typeof iovec>;
  readonly #remote: Argument<typeof iovec>;
  readonly #scratch = new Uint8Array(new ArrayBuffer(SCRATCH));
  readonly #probe = new Uint8Array(new ArrayBuffer(1));
  readonly #maps = new Map<number, Maps>();
  #used = 0;
  #pid = 0;
  /** The argument of the call: where it is, what the kernel brought of it, and what is to be brought back. */
  #address = 0;
  #argument: Uint8Array = nothing;
  #returned: Uint8Array = nothing;

  constructor(host: LibcHost) {
    this.#host = host;
    this.#local = new Argument(host, iovec);
    this.#remote = new Argument(host, iovec);
  }

  /**
   * Turns to a caller.
   *
   * @param address - where the argument of its call is
   * @param argument - what the kernel has read of it already
   * @throws {@link UnreachableCallerError} where the caller's memory may not be read
   */
  enter(pid: number, address: number, argument: Uint8Array): void {
    if (pid === 0) throw new UnreachableCallerError("it is in a container that cannot be seen from here");
    this.#pid = pid;
    this.#address = address;
    this.#argument = argument;
    if (this.#maps.has(pid)) return;
    this.#transfer("processVmReadv", address, this.#probe);
    if (this.#maps.size === MOST_MAPS) this.#maps.clear();
    this.#maps.set(pid, new Maps(pid));
  }

  /** Forgets what the call read, keys first of all. @returns what the kernel is to write over its argument; may be nothing */
  leave(): Uint8Array {
    this.#scratch.fill(0, 0, Math.min(this.#used, KEYS));
    this.#used = 0;
    this.#local.point(this.#local.offset.iov_base, null);
    const returned = this.#returned;
    this.#argument = nothing;
    this.#returned = nothing;
    return returned;
  }

  /** Moves bytes between the caller and us. @returns whether all of them went */
  #transfer(call: "processVmReadv" | "processVmWritev", address: number, bytes: Uint8Array): boolean {
    const { offset } = this.#local;
    for (let done = 0; done < bytes.length; ) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      this.#local.point(offset.iov_base, rest);
      this.#local.setAddress(offset.iov_len, rest.length);
      this.#remote.setAddress(offset.iov_base, address + done);
      this.#remote.setAddress(offset.iov_len, rest.length);
      const result = this.#host[call](this.#pid, this.#local, this.#remote);
      if (result === -errnos.EPERM || result === -errnos.ESRCH) {
        throw new UnreachableCallerError(`${call} answered ${errnoName(-result)}`);
      }
      // One call moves at most 2 GiB; where it moved less than a page, or nothing, the memory ends.
      if (result <= 0 || (result < rest.length && result < 2 ** 30)) return false;
      done += result;
    }
    return true;
  }

  read(address: number, length: number): Uint8Array | undefined {
    if (address === this.#address && length === this.#argument.length) return this.#argument;
    const fits = length <= SCRATCH - this.#used;
    // What is not there needs no room either: the caller names the length.
    if (!fits && !this.#transfer("processVmReadv", address + length - 1, this.#probe)) return undefined;
    const bytes = fits
      ? this.#scratch.subarray(this.#used, this.#used + length)
      : new Uint8Array(new ArrayBuffer(length));
    if (fits) this.#used += length;
    return this.#transfer("processVmReadv", address, bytes) ? bytes : undefined;
  }

  isWritable(address: number, length: number): boolean {
    if (this.#maps.get(this.#pid)?.isWritable(address, length) === true) return true;
    const maps = new Maps(this.#pid);
    this.#maps.set(this.#pid, maps);
    return maps.isWritable(address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (!this.isWritable(address, bytes.length)) return false;
    if (this.#transfer("processVmWritev", address, bytes)) return true;
    this.#maps.delete(this.#pid);
    return false;
  }

  writeOnReturn(address: number, bytes: Uint8Array): boolean {
    if (address !== this.#address || bytes.length !== this.#argument.length) return false;
    this.#returned = bytes;
    return true;
  }

  /** What is due to a caller later is due to whoever fetches it, as with the driver. */
  retain(): Memory {
    return this;
  }
}
