import type { Ioctl, Machine, Struct } from "@cryptodev/core/abi";
import type { Argument } from "@cryptodev/core/host";
import { Errno } from "../errno.ts";
import type { Memory } from "../user/memory.ts";
import type { UserStruct } from "../user/user_struct.ts";
import type { CipherDriver, MacDriver } from "./algorithms.ts";
import type { Budget } from "./budget.ts";
import type { OpenFile } from "./open_file.ts";
import type { DriverSession } from "./session.ts";
import type { Pace, Slices } from "./slices.ts";

/** The caller of an ioctl. */
export interface Caller {
  /** The open file that the call was made on. */
  readonly file: OpenFile;
  /** The memory that the call's pointers refer to. */
  readonly memory: Memory;
  /**
   * Creates a second descriptor of the caller's file.
   *
   * @returns the descriptor, or a negative error number; that of `EOPNOTSUPP` if it cannot be created in the caller
   */
  duplicate(): number;
  /** Closes such a descriptor. */
  close(fd: number): void;
}

/** The device, as far as handlers use it. */
export interface DriverContext {
  readonly machine: Machine;
  readonly alignmask: number;
  /** The suffix of the driver names that sessions report. */
  readonly driver: string;
  readonly hardware: boolean;
  /** Returns the pace at which this session works; `undefined` if the call may not pause. */
  paceOf(session: DriverSession): Pace | undefined;
  /** The outstanding asynchronous operations of all open files. */
  readonly jobs: Budget;
  /** The data, in bytes, of the long operations of all open files that are in progress. */
  readonly data: Budget;
  /** The most bytes of data that one operation may have. */
  readonly most: number;
  /** @throws {Errno} with `EINVAL` if the device does not have the cipher */
  cipherDriver(id: number): CipherDriver;
  /** @throws {Errno} with `EINVAL` if the device does not have the mac */
  macDriver(id: number): MacDriver;
  /**
   * Adds a session to a file.
   *
   * @returns its id
   * @throws {Errno} with `ENOMEM` if the file, or all files together, have as many as they may
   */
  startSession(file: OpenFile, session: DriverSession): number;
  /** Removes a session whose start was not completed. */
  dropSession(file: OpenFile, id: number): void;
  /** Ends a session, and reports what it did. An unknown id is not an error. */
  endSession(file: OpenFile, id: number): void;
}

/** @throws {Errno} with `ENOMEM` if one operation may not have this much data */
export function requireSize(size: number, { most }: DriverContext): void {
  if (size > most) throw new Errno("ENOMEM", `${size} bytes of data, expected at most ${most}`);
}

/** What remains to be done after a handler: the caller's struct is to be written back. */
export interface WriteBack {
  /** A mistake of the caller that the driver does not report; it is logged. */
  readonly warning?: string;
  /**
   * Called if the struct cannot be written. Defaults to the error EFAULT.
   *
   * @returns what `ioctl(2)` returns
   */
  readonly onFault?: () => number;
}

/** Writes the struct back, and fails with EFAULT if that is not possible. */
export const writeBack: WriteBack = {};

/** Whether the struct is to be written back; if not, the caller sees no change of it. */
export type Answer = WriteBack | undefined;

/** The device's implementation of one ioctl. */
export interface Handler<S extends Struct = Struct> {
  readonly ioctl: Ioctl<S>;
  /**
   * Answers the most common calls of this process with 0, without a copy of the struct, which stays as it is.
   *
   * @param argument - the caller's own struct
   * @returns `false` if it is another call, of which nothing has been done
   * @throws {Errno} if the driver refuses the call
   */
  answerInReach?(argument: Argument<S>, caller: Caller, device: DriverContext): boolean;
  /**
   * Answers a call.
   *
   * @param argument - the device's copy of the caller's struct; work in slices keeps it until its end
   * @returns how it is answered, or work in slices that returns this
   * @throws {Errno} if the driver refuses the call
   * @throws {Crash} if the call would crash a kernel
   */
  answer(argument: UserStruct<S>, caller: Caller, device: DriverContext): Answer | Slices<Answer>;
}
