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

/** The most bytes of an iv, and of a mac or a tag (`AALG_MAX_RESULT_LEN`). */
const [IV, MAC] = [16, 64];

/** The pointers of a struct, each with the member that has the length of its memory, or with the most that it can be. */
type Pointers<S extends Struct> = readonly (readonly [S["fields"][number][0], S["fields"][number][0] | number])[];

const sessionPointers: Pointers<typeof session_op> = [
  ["key", "keylen"],
  ["mackey", "mackeylen"],
];
const cryptPointers: Pointers<typeof crypt_op> = [
  ["src", "len"],
  ["dst", "len"],
  ["mac", MAC],
  ["iv", IV],
];
const authPointers: Pointers<typeof crypt_auth_op> = [
  ["auth_src", "auth_len"],
  ["src", "len"],
  ["dst", "len"],
  ["tag", MAC],
  ["iv", IV],
];
const tables: readonly (readonly [Ioctl, Struct, Pointers<Struct>])[] = [
  [CIOCGSESSION, session_op, sessionPointers],
  [CIOCCRYPT, crypt_op, cryptPointers],
  [CIOCASYNCCRYPT, crypt_op, cryptPointers],
  [CIOCAUTHCRYPT, crypt_auth_op, authPointers],
];

/** Where a pointer is, and where the length of its memory is, or how much it is at most. */
interface Place {
  readonly pointer: number;
  readonly length: number | undefined;
  readonly most: number;
}

/** Finds the memory that calls refer to, apart from their arguments. */
export class CallPointers {
  readonly #machine: Machine;
  readonly #places = new Map<number, readonly Place[]>();

  constructor(machine: Machine) {
    this.#machine = machine;
    for (const [ioctl, struct, pointers] of tables) {
      const { offset } = layout(struct, machine);
      const places = pointers.map(([pointer, length]) => ({
        pointer: offset[pointer] as number,
        length: typeof length === "string" ? offset[length] : undefined,
        most: typeof length === "string" ? 0 : length,
      }));
      this.#places.set(requestNumber(ioctl, machine), places);
    }
  }

  /**
   * Returns the ranges of memory that a call refers to.
   *
   * @param bytes - has its argument at the offset `start`
   */
  rangesOf(request: number, bytes: StructBytes, start: number): readonly MemoryRange[] {
    const ranges: MemoryRange[] = [];
    for (const { pointer, length, most } of this.#places.get(request) ?? []) {
      const at = start + pointer;
      const address = this.#machine.pointerSize === 8 ? bytes.getUint64(at) : bytes.getUint32(at);
      const size = length === undefined ? most : bytes.getUint32(start + length);
      if (address !== 0 && size > 0) ranges.push({ address, length: size });
    }
    return ranges;
  }
}
