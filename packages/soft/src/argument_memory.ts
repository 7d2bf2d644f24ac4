import { type Argument, byteLengthOf, partOf } from "@cryptodev/core";
import type { Memory } from "./memory.ts";

/** The memory that one call names: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  /** Views, each with its address. They are copied, as the argument may point elsewhere by the time of a fetch. */
  readonly #views: readonly (readonly [number, Uint8Array])[];

  /** The memory of a call with this argument; a NULL argument names none. */
  constructor(argument: Argument | null) {
    const views: (readonly [number, Uint8Array])[] = [];
    if (argument !== null) {
      views.push([argument.address as number, argument.bytes]);
      for (const [slot, view] of argument.pointees.entries()) {
        if (view !== null) views.push([argument.addresses[slot] as number, view]);
      }
    }
    this.#views = views;
  }

  read(address: number, length: number): Uint8Array | undefined {
    for (const [base, view] of this.#views) {
      const start = address - base;
      if (start >= 0 && start + length <= byteLengthOf(view)) return partOf(view, start, start + length);
    }
    return undefined;
  }

  isWritable(address: number, length: number): boolean {
    return this.read(address, length) !== undefined;
  }

  write(address: number, bytes: Uint8Array): boolean {
    const target = this.read(address, bytes.length);
    target?.set(bytes);
    return target !== undefined;
  }

  retain(): Memory {
    return this;
  }
}
