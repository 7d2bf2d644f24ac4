import type { Memory, MemoryRange } from "@cryptodev/soft";
import type { ServerHost } from "../syscalls.ts";
import { Mappings } from "./mappings.ts";
import { MemoryReader } from "./memory_reader.ts";
import { Pages } from "./pages.ts";
import { ProcessVm, UnreachableCallerError } from "./process_vm.ts";

const nothing = new Uint8Array();

/**
 * The memory of the calling process.
 *
 * Whether memory is writable has to be known before anything is written, and only {@link Mappings} show that. If the
 * caller has unmapped it since they were read, the write fails, and they are read again. For an operation in place, that
 * would be too late, because the driver then returns an error and does not change its session. So pages that were read
 * are tested by writing their content back.
 */
export class ProcessMemory implements Memory {
  readonly #vm: ProcessVm;
  readonly #reader: MemoryReader;
  readonly #pages: Pages;
  readonly #mappings: Mappings;
  /** The memory that this call read page by page, because it is too large to keep. */
  #source = { address: 0, length: 0 };
  /** The argument of the call: its address, what the kernel read of it, and what the kernel is to write back. */
  #address = 0;
  #argument: Uint8Array = nothing;
  #returned: Uint8Array = nothing;

  constructor(host: ServerHost, mappings: Mappings = new Mappings()) {
    this.#mappings = mappings;
    this.#vm = new ProcessVm(host);
    this.#reader = new MemoryReader(host, this.#vm);
    this.#pages = new Pages((bytes) => host.addressOf(bytes), this.#vm);
  }

  /**
   * Switches to a caller.
   *
   * @param address - the address of the call's argument
   * @param argument - what the kernel has already read of it
   * @throws {UnreachableCallerError} if the caller's memory cannot be accessed
   */
  enter(pid: number, address: number, argument: Uint8Array): void {
    if (pid === 0) throw new UnreachableCallerError("the caller is in a container that is not visible from here");
    this.#vm.pid = pid;
    this.#address = address;
    this.#argument = argument;
    if (this.#mappings.has(pid)) return;
    this.#reader.canRead(address);
    this.#mappings.read(pid);
  }

  /**
   * Forgets what the call read, and wipes keys.
   *
   * @returns what the kernel is to write over the call's argument; may be empty
   */
  leave(): Uint8Array {
    this.#reader.forget();
    this.#vm.release();
    this.#source.length = 0;
    const returned = this.#returned;
    this.#argument = nothing;
    this.#returned = nothing;
    return returned;
  }

  read(address: number, length: number): Uint8Array | undefined {
    if (address === this.#address && length === this.#argument.length) return this.#argument;
    return this.#reader.read(address, length);
  }

  prefetch(ranges: readonly MemoryRange[]): void {
    this.#reader.prefetch(ranges);
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
    this.#mappings.forget(this.#vm.pid);
    return false;
  }

  #isMapped(address: number, length: number): boolean {
    return this.#mappings.include("writable", this.#vm.pid, address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (!this.#isMapped(address, bytes.length)) return false;
    if (this.#vm.write(address, bytes)) return true;
    this.#mappings.forget(this.#vm.pid);
    return false;
  }

  writeArgument(address: number, bytes: Uint8Array): boolean {
    // The kernel writes back only as many bytes as it read.
    if (address !== this.#address || bytes.length !== this.#argument.length) return this.write(address, bytes);
    this.#returned = bytes;
    return true;
  }

  /** As in the driver, results of an earlier call go to the process that fetches them. */
  retain(): Memory {
    return this;
  }
}
