import type { Memory, MemoryRange } from "@cryptodev/soft";
import type { ServerHost } from "../syscalls.ts";
import { MemoryReader } from "./memory_reader.ts";
import { Pages } from "./pages.ts";
import { ProcessVm, UnreachableCallerError } from "./process_vm.ts";
import { includes, type Range, writableRanges } from "./writable_ranges.ts";

const nothing = new Uint8Array();

/** The number of callers whose writable ranges are cached. */
const MAX_CALLERS = 64;

/**
 * The memory of the calling process.
 *
 * Whether memory is writable has to be known before anything is written, and only `/proc/pid/maps` shows that. Reading
 * it costs more than a whole call, so the cached mappings are trusted if they contain the memory: if the caller has
 * unmapped it since, the write fails, and the cache entry is dropped. For an operation in place, that would be too
 * late, because the driver then returns an error and does not change its session. So pages that were read are tested by
 * writing their content back.
 */
export class ProcessMemory implements Memory {
  readonly #vm: ProcessVm;
  readonly #reader: MemoryReader;
  readonly #pages: Pages;
  readonly #writable = new Map<number, readonly Range[]>();
  /** The memory that this call read page by page, because it is too large to keep. */
  #source = { address: 0, length: 0 };
  /** The argument of the call: its address, what the kernel read of it, and what the kernel is to write back. */
  #address = 0;
  #argument: Uint8Array = nothing;
  #returned: Uint8Array = nothing;

  constructor(host: ServerHost) {
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
    if (this.#writable.has(pid)) return;
    this.#reader.canRead(address);
    if (this.#writable.size === MAX_CALLERS) this.#writable.clear();
    this.#writable.set(pid, writableRanges(pid));
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
    this.#writable.delete(this.#vm.pid);
    return false;
  }

  /** Whether all of it is in writable mappings. */
  #isMapped(address: number, length: number): boolean {
    const { pid } = this.#vm;
    if (includes(this.#writable.get(pid) ?? [], address, length)) return true;
    const ranges = writableRanges(pid);
    this.#writable.set(pid, ranges);
    return includes(ranges, address, length);
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (!this.#isMapped(address, bytes.length)) return false;
    if (this.#vm.move("process_vm_writev", address, bytes)) return true;
    this.#writable.delete(this.#vm.pid);
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
