import type { Ioctl, Struct } from "@cryptodev/core";
import type { SoftwareDevice } from "./device.ts";
import type { Memory } from "./memory.ts";
import type { OpenFile } from "./open_file.ts";
import type { UserStruct } from "./user_struct.ts";

/** The caller of an ioctl. */
export interface Caller {
  /** The open file that the call was made on. */
  readonly file: OpenFile;
  /** The memory that the call's pointers refer to. */
  readonly memory: Memory;
  /** The device that answers. */
  readonly device: SoftwareDevice;
  /**
   * Creates a second descriptor of the caller's file.
   *
   * @returns the descriptor, or a negative error number; that of `EOPNOTSUPP` if it cannot be created in the caller
   */
  duplicate(): number;
  /** Closes such a descriptor. */
  close(fd: number): void;
}

/** The device's implementation of one ioctl. */
export interface Handler<S extends Struct = Struct> {
  readonly ioctl: Ioctl<S>;
  /**
   * Answers a call. The caller sees of the struct only what {@link UserStruct.writeBack} wrote.
   *
   * @returns what `ioctl(2)` returns; nothing stands for 0
   * @throws {Errno} if the driver refuses the call
   * @throws {KernelCrashError} if the call would crash a kernel
   */
  answer(argument: UserStruct<S>, caller: Caller): number | undefined;
}
