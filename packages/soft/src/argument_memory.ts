import { type Argument, byteLengthOf, partOf } from "@cryptodev/core";
import type { AddressSpace } from "./address_space.ts";
import type { Memory } from "./memory.ts";

/** The memory that one call names: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  readonly #space: AddressSpace;
  readonly #views: readonly (Uint8Array | null)[];

  constructor(space: AddressSpace, views: readonly (Uint8Array | null)[]) {
    this.#space = space;
    this.#views = views;
  }

  /** The memory of a call with this argument; a NULL argument names none. */
  static of(space: AddressSpace, argument: Argument | null): ArgumentMemory {
    return new ArgumentMemory(space, argument === null ? [] : [argument.bytes, ...argument.pointees]);
  }

  #find(address: number, length: number): Uint8Array | undefined {
    for (const view of this.#views) {
      if (view === null) continue;
      const start = address - this.#space.addressOf(view);
      if (start >= 0 && start + length <= byteLengthOf(view)) return partOf(view, start, start + length);
    }
    return undefined;
  }

  read(address: number, length: number): Uint8Array | undefined {
    return this.#find(address, length);
  }

  isWritable(address: number, length: number): boolean {
    return this.#find(address, length) !== undefined;
  }

  write(address: number, bytes: Uint8Array): boolean {
    const target = this.#find(address, bytes.length);
    target?.set(bytes);
    return target !== undefined;
  }

  // The list was copied when the call was made.
  retain(): Memory {
    return this;
  }
}
