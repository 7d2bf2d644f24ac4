import {
  CIOCASYNCCRYPT,
  CIOCAUTHCRYPT,
  CIOCCRYPT,
  CIOCGSESSION,
  crypt_auth_op,
  crypt_op,
  type Ioctl,
  layout,
  type Machine,
  requestNumber,
  type Struct,
  session_op,
} from "@cryptodev/core/abi";
import type { StructBytes } from "@cryptodev/core/host";
import type { MemoryRange } from "@cryptodev/soft";

/**
 * The pointers of a struct, each with the member that has the length of its memory. What has no such member is short;
 * its first byte stands for it.
 */
type Pointers<S extends Struct> = readonly (readonly [S["fields"][number][0], S["fields"][number][0]?])[];

const sessionPointers: Pointers<typeof session_op> = [
  ["key", "keylen"],
  ["mackey", "mackeylen"],
];
const cryptPointers: Pointers<typeof crypt_op> = [["src", "len"], ["dst", "len"], ["mac"], ["iv"]];
const authPointers: Pointers<typeof crypt_auth_op> = [
  ["auth_src", "auth_len"],
  ["src", "len"],
  ["dst", "len"],
  ["tag"],
  ["iv"],
];
const tables: readonly (readonly [Ioctl, Struct, Pointers<Struct>])[] = [
  [CIOCGSESSION, session_op, sessionPointers],
  [CIOCCRYPT, crypt_op, cryptPointers],
  [CIOCASYNCCRYPT, crypt_op, cryptPointers],
  [CIOCAUTHCRYPT, crypt_auth_op, authPointers],
];

/** Where a pointer is in its struct, and where the length of its memory is. */
interface Place {
  readonly pointer: number;
  readonly length: number | undefined;
}

/** Finds the memory that calls refer to, apart from their arguments. */
export class CallPointers {
  readonly #machine: Machine;
  readonly #places = new Map<number, readonly Place[]>();
  /** The places that were found last. Most calls need the same, and a map takes longer. */
  #request = -1;
  #found: readonly Place[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
    for (const [ioctl, struct, pointers] of tables) {
      const { offset } = layout(struct, machine);
      const places = pointers.map(([pointer, length]) => ({
        pointer: offset[pointer] as number,
        length: length === undefined ? undefined : offset[length],
      }));
      this.#places.set(requestNumber(ioctl, machine), places);
    }
  }

  /**
   * Returns the ranges of memory that a call refers to; none for a call that has no pointers.
   *
   * @param bytes - has its argument at the offset `start`
   */
  rangesOf(request: number, bytes: StructBytes, start: number): readonly MemoryRange[] {
    if (request !== this.#request) {
      this.#request = request;
      this.#found = this.#places.get(request) ?? [];
    }
    const ranges: MemoryRange[] = [];
    for (const { pointer, length } of this.#found) {
      const at = start + pointer;
      const address = this.#machine.pointerSize === 8 ? bytes.getUint64(at) : bytes.getUint32(at);
      const size = length === undefined ? 1 : bytes.getUint32(start + length);
      if (address !== 0 && size > 0) ranges.push({ address, length: size });
    }
    return ranges;
  }
}
