import { type Machine, type Struct, StructBytes } from "@cryptodev/core";
import { copyFromUser, copyToUser, type Memory } from "./memory.ts";

/**
 * The device's copy of a caller's struct, as `copy_from_user` makes it: the caller sees nothing until it is written back.
 * It is made once, and takes over the struct of one call after the other.
 */
export class UserStruct<S extends Struct> extends StructBytes<S> {
  readonly #struct: S;
  readonly #machine: Machine;
  #memory: Memory | undefined;
  #address = 0;

  constructor(struct: S, machine: Machine) {
    super(struct, machine);
    this.#struct = struct;
    this.#machine = machine;
  }

  /**
   * Takes over a caller's struct.
   *
   * @param isRead - whether the driver reads it at all; one that it only answers with starts as zeros
   * @throws `Errno` EFAULT where it is read and not readable
   */
  enter(memory: Memory, address: number, isRead: boolean): void {
    if (isRead) this.bytes.set(copyFromUser(memory, address, this.bytes.length, "argument"));
    else this.bytes.fill(0);
    this.#memory = memory;
    this.#address = address;
  }

  /** The same for later, when this one has gone on to another call. */
  copy(): UserStruct<S> {
    const copy = new UserStruct(this.#struct, this.#machine);
    copy.bytes.set(this.bytes);
    return copy;
  }

  /** Writes the copy back over the caller's. @throws `Errno` EFAULT where that is not writable */
  writeBack(): void {
    const memory = this.#memory as Memory;
    if (memory.writeOnReturn?.(this.#address, this.bytes)) return;
    copyToUser(memory, this.#address, this.bytes, "argument");
  }

  /** The same, but tells of a fault instead of throwing it. */
  tryWriteBack(): boolean {
    return (this.#memory as Memory).write(this.#address, this.bytes);
  }
}
