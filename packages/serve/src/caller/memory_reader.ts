import type { Host } from "@cryptodev/core/host";
import type { MemoryRange } from "@cryptodev/soft";
import type { ProcessVm } from "./process_vm.ts";

/** Memory for what one call reads. Keys are at its start, because a call reads them first. */
const SCRATCH = 2 ** 20;
const KEYS = 4096;

const nothing = new Uint8Array();

/** Bytes that were read, and where they were. */
interface Known {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Whether they were prefetched and have not been asked for yet. */
  isAhead: boolean;
}

const none: readonly Known[] = [];

/**
 * Reads a caller's memory. Several ranges are read by one system call, because one costs about as much as everything
 * else that a server does for a short operation.
 */
export class MemoryReader {
  readonly #vm: ProcessVm;
  readonly #scratch = new Uint8Array(new ArrayBuffer(SCRATCH));
  readonly #address: number;
  readonly #probe = new Uint8Array(new ArrayBuffer(1));
  #used = 0;
  /** Views of the scratch memory for each range of a transfer: most calls need the same. */
  readonly #views: Uint8Array[] = [];
  /** What was prefetched last. */
  #fetched = none;
  /** What was read last, by `read` or `prefetch`. */
  #recent = none;

  constructor(host: Host, vm: ProcessVm) {
    this.#vm = vm;
    this.#address = Number(host.addressOf(this.#scratch));
  }

  /** Forgets everything that was read, and wipes keys. */
  forget(): void {
    this.#scratch.fill(0, 0, Math.min(this.#used, KEYS));
    this.#used = 0;
    this.#fetched = none;
    this.#recent = none;
  }

  /**
   * Whether a byte can be read.
   *
   * @throws {UnreachableCallerError} if the caller's memory cannot be accessed
   */
  canRead(address: number): boolean {
    return this.#vm.read(address, this.#probe);
  }

  /** Returns what was read last from this address on; empty if the address is elsewhere. */
  lastFrom(address: number): Uint8Array {
    for (const { address: from, bytes } of this.#recent) {
      const start = address - from;
      if (start >= 0 && start < bytes.length) return start === 0 ? bytes : bytes.subarray(start);
    }
    return nothing;
  }

  /** @returns the bytes, valid until they are forgotten; `undefined` unless all of them are readable */
  read(address: number, length: number): Uint8Array | undefined {
    for (const known of this.#fetched) {
      if (!known.isAhead || known.address !== address || known.bytes.length !== length) continue;
      known.isAhead = false;
      return known.bytes;
    }
    const bytes = this.#read(address, length);
    this.#recent = bytes === undefined ? none : [{ address, bytes, isAhead: false }];
    return bytes;
  }

  /** Reads ranges by one system call, for the calls of {@link MemoryReader.read} that follow. */
  prefetch(ranges: readonly MemoryRange[]): void {
    // A transfer ends where memory cannot be read. Ranges after that are read when they are asked for.
    this.#fetched = this.#transfer(ranges);
    this.#recent = this.#fetched;
  }

  #read(address: number, length: number): Uint8Array | undefined {
    if (length === 0) return nothing;
    if (length <= SCRATCH - this.#used) return this.#transfer([{ address, length }])[0]?.bytes;
    // Do not allocate for unreadable memory: the caller chooses the length.
    if (!this.canRead(address + length - 1)) return undefined;
    const bytes = new Uint8Array(new ArrayBuffer(length));
    return this.#vm.read(address, bytes) ? bytes : undefined;
  }

  /**
   * Reads as many ranges as fit into the scratch memory, by one system call.
   *
   * @returns the ranges that arrived as a whole
   */
  #transfer(ranges: readonly MemoryRange[]): readonly Known[] {
    const start = this.#used;
    let end = start;
    let count = 0;
    for (const { address, length } of ranges) {
      if (length > SCRATCH - end) break;
      end += length;
      this.#vm.setRemote(count, address, length);
      count += 1;
    }
    this.#vm.setLocal(this.#address + start, end - start);
    const last = end === start ? end : start + this.#vm.transfer("process_vm_readv", count);
    const arrived: Known[] = [];
    for (const { address, length } of ranges) {
      if (arrived.length === count || length > last - this.#used) break;
      arrived.push({ address, bytes: this.#view(arrived.length, this.#used, length), isAhead: true });
      this.#used += length;
    }
    return arrived;
  }

  #view(index: number, start: number, length: number): Uint8Array {
    const known = this.#views[index];
    if (known !== undefined && known.byteOffset === start && known.length === length) return known;
    const view = this.#scratch.subarray(start, start + length);
    this.#views[index] = view;
    return view;
  }
}
