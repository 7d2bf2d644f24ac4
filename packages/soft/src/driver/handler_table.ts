import { type Machine, requestNumber, type Struct } from "@cryptodev/core/abi";
import { UserStruct } from "../user/user_struct.ts";
import type { Handler } from "./handler.ts";

/** A handler, and the copy of the caller's struct that it works on. */
export interface HandlerEntry {
  readonly handler: Handler;
  argument: UserStruct<Struct>;
}

/** Handlers by request number. */
export class HandlerTable {
  readonly #entries: ReadonlyMap<number, HandlerEntry>;
  /** What was found last. Most calls need the same, and a map takes longer. */
  #request = -1;
  #entry: HandlerEntry | undefined;

  constructor(handlers: readonly Handler[], machine: Machine) {
    this.#entries = new Map(
      handlers.map((handler) => [
        requestNumber(handler.ioctl, machine),
        { handler, argument: new UserStruct<Struct>(handler.ioctl.argument, machine) },
      ]),
    );
  }

  find(request: number): HandlerEntry | undefined {
    if (request !== this.#request) {
      this.#request = request;
      this.#entry = this.#entries.get(request);
    }
    return this.#entry;
  }
}
