import type { Host } from "@cryptodev/core";
import type { ProcessVm } from "./process_vm.ts";

/** Memory for what one call reads. Keys are at its start, because a call reads them first. */
const SCRATCH = 2 ** 20;
const KEYS = 4096;

/** How many ranges can be announced at once: data, and associated data. */
const MOST_EXPECTED = 2;

const nothing = new Uint8Array();

/** Memory that will be read; `bytes` is set once it has been. */
interface Expected {
  address: number;
  length: number;
  bytes: Uint8Array | undefined;
}

/**
 * Reads a caller's memory. The same system call also reads what will be needed next, because one costs about as much as
 * everything else that a server does for a short operation.
 */
export class MemoryReader {
  readonly #vm: ProcessVm;
  readonly #scratch = new Uint8Array(new ArrayBuffer(SCRATCH));
  readonly #address: number;
  readonly #probe = new Uint8Array(new ArrayBuffer(1));
  readonly #expected: readonly Expected[];
  #expectedCount = 0;
  #used = 0;
  /** The address and the bytes of the last read. */
  #lastAddress = 0;
  #last: Uint8Array = nothing;

  constructor(host: Host, vm: ProcessVm) {
    this.#vm = vm;
    this.#address = Number(host.addressOf(this.#scratch));
    this.#expected = Array.from({ length: MOST_EXPECTED }, () => ({ address: 0, length: 0, bytes: undefined }));
  }

  /** Forgets everything that was read and announced, and wipes keys. */
  forget(): void {
    this.#scratch.fill(0, 0, Math.min(this.#used, KEYS));
    this.#used = 0;
    this.#expectedCount = 0;
    this.#last = nothing;
  }

  /**
   * Whether a byte can be read.
   *
   * @throws {UnreachableCallerError} if the caller's memory cannot be accessed
   */
  canRead(address: number): boolean {
    return this.#vm.move("process_vm_readv", address, this.#probe);
  }

  /** Announces memory that the next read transfers as well. */
  expect(address: number, length: number): void {
    const expected = this.#expected[this.#expectedCount];
    if (expected === undefined || length === 0) return;
    this.#expectedCount += 1;
    expected.address = address;
    expected.length = length;
    expected.bytes = undefined;
  }

  /** Returns what the last read returned from this address on; empty if the address is elsewhere. */
  lastFrom(address: number): Uint8Array {
    const start = address - this.#lastAddress;
    if (start === 0) return this.#last;
    return start > 0 && start < this.#last.length ? this.#last.subarray(start) : nothing;
  }

  /** @returns the bytes, valid until they are forgotten; `undefined` unless all of them are readable */
  read(address: number, length: number): Uint8Array | undefined {
    const bytes = this.#read(address, length);
    this.#lastAddress = address;
    this.#last = bytes ?? nothing;
    return bytes;
  }

  #read(address: number, length: number): Uint8Array | undefined {
    for (let index = 0; index < this.#expectedCount; index += 1) {
      const { address: start, length: size, bytes } = this.#expected[index] as Expected;
      if (start === address && size === length && bytes !== undefined) return bytes;
    }
    if (length <= SCRATCH - this.#used) return this.#readAhead(address, length);
    // Do not allocate for unreadable memory: the caller chooses the length.
    if (!this.canRead(address + length - 1)) return undefined;
    const bytes = new Uint8Array(new ArrayBuffer(length));
    return this.#vm.move("process_vm_readv", address, bytes) ? bytes : undefined;
  }

  /** Reads into the scratch memory, together with as much announced memory as fits. */
  #readAhead(address: number, length: number): Uint8Array | undefined {
    const vm = this.#vm;
    const start = this.#used;
    let end = start + length;
    let ahead = 0;
    vm.setRemote(0, address, length);
    for (; ahead < this.#expectedCount; ahead += 1) {
      const expected = this.#expected[ahead] as Expected;
      if (expected.length > SCRATCH - end) break;
      end += expected.length;
      vm.setRemote(1 + ahead, expected.address, expected.length);
    }
    vm.setLocal(this.#address + start, end - start);
    const arrived = start + vm.transfer("process_vm_readv", 1 + ahead);
    // Announced memory that was not transferred is read again when it is needed, and a fault is reported then.
    this.#expectedCount = 0;
    if (arrived < start + length) return undefined;
    this.#used = start + length;
    for (; this.#expectedCount < ahead; this.#expectedCount += 1) {
      const expected = this.#expected[this.#expectedCount] as Expected;
      if (expected.length > arrived - this.#used) break;
      expected.bytes = this.#scratch.subarray(this.#used, this.#used + expected.length);
      this.#used += expected.length;
    }
    return this.#scratch.subarray(start, start + length);
  }
}
