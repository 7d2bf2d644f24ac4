import type { LibcHost } from "@cryptodev/core";
import type { Memory } from "@cryptodev/soft";
import { Maps } from "./maps.ts";
import { Pages } from "./pages.ts";
import { ProcessVm, UnreachableCallerError } from "./process_vm.ts";
import { Reader } from "./reader.ts";

const nothing = new Uint8Array();

/** How many callers' mappings are remembered. */
const MOST_MAPS = 64;

/**
 * The memory of whoever calls.
 *
 * Whether memory is writable has to be known before anything is written, and only `/proc/pid/maps` shows that. It costs more
 * than a whole call, so what it said is believed as long as it says yes: should the caller have unmapped something since,
 * the write itself fails, and what was remembered is forgotten. In place that would be too late, as the driver then answers
 * with an error and leaves its session alone: pages that were read are tried by writing what is there.
 */
export class ProcessMemory implements Memory {
  readonly #vm: ProcessVm;
  readonly #reader: Reader;
  readonly #pages: Pages;
  readonly #maps = new Map<number, Maps>();
  /** What was read by pages in this call, too large to be kept. */
  #source = { address: 0, length: 0 };
  /** The argument of the call: where it is, what the kernel brought of it, and what is to be brought back. */
  #address = 0;
  #argument: Uint8Array = nothing;
  #returned: Uint8Array = nothing;

  constructor(host: LibcHost) {
    this.#vm = new ProcessVm(host);
    this.#reader = new Reader(host, this.#vm);
    this.#pages = new Pages((bytes) => host.addressOf(bytes), this.#vm);
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
    this.#vm.pid = pid;
    this.#address = address;
    this.#argument = argument;
    if (this.#maps.has(pid)) return;
    this.#reader.canRead(address);
    if (this.#maps.size === MOST_MAPS) this.#maps.clear();
    this.#maps.set(pid, new Maps(pid));
  }

  /** Forgets what the call read, keys first of all. @returns what the kernel is to write over its argument; may be nothing */
  leave(): Uint8Array {
    this.#reader.forget();
    this.#vm.release();
    this.#source.length = 0;
    const returned = this.#returned;
    this.#argument = nothing;
    this.#returned = nothing;
    return returned;
  }

  expect(address: number, length: number): void {
    this.#reader.expect(address, length);
  }

  read(address: number, length: number): Uint8Array | undefined {
    if (address === this.#address && length === this.#argument.length) return this.#argument;
    return this.#reader.read(address, length);
  }

  isReadable(address: number, length: number): boolean {
    if (!this.#pages.areReadable(address, length)) return false;
    this.#source.address = address;
    this.#source.length = length;
    return true;
  }

  isWritable(address: number, length: number): boolean {
    if (!this.#isMapped(address, length)) return false;
    const known = this.#reader.lastFrom(address);
    const isInPlace = known.length > 0 || (this.#source.length > 0 && this.#source.address === address);
    if (!isInPlace || this.#pages.areWritable(address, length, known)) return true;
    this.#maps.delete(this.#vm.pid);
    return false;
  }

  /** Whether it is in mappings that can be written. */
  #isMapped(address: number, length: number): boolean {
    const { pid } = this.#vm;
    if (this.#maps.get(pid)?.isWritable(address, length) === true) return true;
    const maps = new Maps(pid);
    this.#maps.set(pid, maps);
    return maps.isWritable(address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (!this.#isMapped(address, bytes.length)) return false;
    if (this.#vm.move("processVmWritev", address, bytes)) return true;
    this.#maps.delete(this.#vm.pid);
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
