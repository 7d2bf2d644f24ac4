import { MAX_PIECES, type ProcessVm, type Transfer } from "./process_vm.ts";

/** The smallest page size of all machines: on those with larger pages, some are tested more than once. */
const PAGE = 4096;

/**
 * Tests each page of a caller's memory by transferring one byte. The kernel then gets the page as it does for a driver.
 * This finds what a list of mappings does not show: the end of a file below its mapping, guard pages, and secret
 * memory.
 */
export class Pages {
  readonly #vm: ProcessVm;
  readonly #bytes = new Uint8Array(new ArrayBuffer(MAX_PIECES));
  readonly #address: number;

  constructor(addressOf: (bytes: Uint8Array) => number | bigint, vm: ProcessVm) {
    this.#vm = vm;
    this.#address = Number(addressOf(this.#bytes));
  }

  /** @throws {UnreachableCallerError} if the caller's memory cannot be accessed */
  areReadable(address: number, length: number): boolean {
    return this.#all(address, length, (count) => this.#move("process_vm_readv", count));
  }

  /**
   * Whether each page can be written, tested by writing its content back. Only for memory that a call processes in
   * place, and so writes anyway.
   *
   * @param known - the bytes of the memory, as far as they have already been read
   * @throws {UnreachableCallerError} if the caller's memory cannot be accessed
   */
  areWritable(address: number, length: number, known: Uint8Array): boolean {
    const end = address + known.length;
    return this.#all(address, length, (count, first, last) => {
      if (last >= end) {
        if (!this.#move("process_vm_readv", count)) return false;
      } else {
        for (let index = 0; index < count; index += 1) {
          this.#bytes[index] = known[index === 0 ? first - address : pageOf(first) + index * PAGE - address] as number;
        }
      }
      return this.#move("process_vm_writev", count);
    });
  }

  /** Tests the first byte of a range and of each further page in it, in as few calls as possible. */
  #all(address: number, length: number, look: (count: number, first: number, last: number) => boolean): boolean {
    const end = address + length;
    for (let next = address; next < end; ) {
      const [first, page] = [next, pageOf(next)];
      let [count, last] = [0, next];
      while (count < MAX_PIECES && next < end) {
        this.#vm.setRemote(count, next, 1);
        last = next;
        count += 1;
        next = page + count * PAGE;
      }
      if (!look(count, first, last)) return false;
    }
    return true;
  }

  #move(call: Transfer, count: number): boolean {
    this.#vm.setLocal(this.#address, count);
    return this.#vm.transfer(call, count) === count;
  }
}

const pageOf = (address: number): number => address - (address % PAGE);
