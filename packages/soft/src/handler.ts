import type { Ioctl, Struct } from "@cryptodev/core";
import type { SoftwareDevice } from "./device.ts";
import type { Memory } from "./memory.ts";
import type { OpenFile } from "./open_file.ts";
import type { UserStruct } from "./user_struct.ts";

/** Where an ioctl comes from. */
export interface Caller {
  /** The open file that it came through. */
  readonly file: OpenFile;
  /** The memory that its pointers name. */
  readonly memory: Memory;
  /** The device that is to answer. */
  readonly device: SoftwareDevice;
  /**
   * Makes a second descriptor of the caller's file.
   *
   * @returns it, or a negative error number: that of EOPNOTSUPP where nobody could
   */
  duplicate(): number;
  /** Closes it again. */
  close(fd: number): void;
}

/** How the device answers one ioctl. */
export interface Handler<S extends Struct = Struct> {
  readonly ioctl: Ioctl<S>;
  /**
   * Answers. What the caller sees of the struct is what {@link UserStruct.writeBack} wrote.
   *
   * @returns what `ioctl(2)` returns, 0 if nothing
   * @throws `Errno` where the driver refuses; `KernelCrashError` where it would not survive
   */
  answer(argument: UserStruct<S>, caller: Caller): number | undefined;
}
