import { type Layout, layout, type Machine, requestNumber, type Struct } from "@cryptodev/core";
import { Errno } from "./errno.ts";
import type { Caller, Handler } from "./handler.ts";
import { ciocasymfeatHandler } from "./ioctls/CIOCASYMFEAT.ts";
import { cioccphashHandler } from "./ioctls/CIOCCPHASH.ts";
import { cioccryptHandler } from "./ioctls/CIOCCRYPT.ts";
import { ciocfsessionHandler } from "./ioctls/CIOCFSESSION.ts";
import { ciocgsessinfoHandler } from "./ioctls/CIOCGSESSINFO.ts";
import { ciocgsessionHandler } from "./ioctls/CIOCGSESSION.ts";
import { criogetHandler } from "./ioctls/CRIOGET.ts";
import { OpenFile } from "./open_file.ts";
import { UserStruct } from "./user_struct.ts";

const handlers = [
  criogetHandler,
  ciocgsessionHandler,
  ciocfsessionHandler,
  ciocgsessinfoHandler,
  cioccryptHandler,
  ciocasymfeatHandler,
  cioccphashHandler,
] as unknown as readonly Handler[];

/** The driver in software: what is behind `/dev/crypto`, whoever carries the calls to it. */
export class SoftwareDevice {
  readonly machine: Machine;
  readonly #byRequest: ReadonlyMap<number, { readonly handler: Handler; readonly layout: Layout }>;

  constructor(machine: Machine) {
    this.machine = machine;
    this.#byRequest = new Map(
      handlers.map((handler) => [
        requestNumber(handler.ioctl, machine),
        { handler, layout: layout<Struct>(handler.ioctl.argument, machine) },
      ]),
    );
  }

  open(): OpenFile {
    return new OpenFile();
  }

  /**
   * Answers an ioctl whose argument is at `address` of the caller's memory.
   *
   * @returns what `ioctl(2)` returns, or a negative error number
   * @throws `KernelCrashError` for a call that the driver would not survive
   */
  ioctl(request: number, address: number, caller: Omit<Caller, "machine">): number {
    try {
      const known = this.#byRequest.get(request);
      if (known === undefined) throw new Errno("EINVAL");
      const argument = new UserStruct(known.layout, this.machine.pointerSize, caller.memory, address);
      return known.handler.answer(argument, { ...caller, machine: this.machine }) ?? 0;
    } catch (error) {
      if (error instanceof Errno) return -error.errno;
      throw error;
    }
  }
}
