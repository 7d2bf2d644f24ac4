import type { Machine, Struct } from "@cryptodev/core/abi";
import { StructBytes } from "@cryptodev/core/host";
import { copyFromUser, type Memory } from "./memory.ts";

/**
 * The device's copy of a caller's struct, as `copy_from_user` creates it: the caller sees no change until the device
 * writes it back. One object is reused for one call after the other, unless a call keeps it for work in slices.
 */
export class UserStruct<S extends Struct> extends StructBytes<S> {
  /** The machine whose layout is used. */
  readonly machine: Machine;

  constructor(struct: S, machine: Machine) {
    super(struct, machine);
    this.machine = machine;
  }

  /**
   * Loads a caller's struct.
   *
   * @param isRead - whether the driver reads the struct; one that it only writes starts as zeros
   * @throws {Errno} with `EFAULT` if the driver reads the struct and it is not readable
   */
  load(memory: Memory, address: number, isRead: boolean): void {
    if (isRead) this.bytes.set(copyFromUser(memory, address, this.bytes.length, "argument"));
    else this.bytes.fill(0);
  }
}
