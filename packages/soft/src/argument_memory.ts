import { type Argument, byteLengthOf } from "@cryptodev/core";
import type { AddressSpace } from "./address_space.ts";
import type { Memory } from "./memory.ts";

/** The memory that one call names: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  readonly #space: AddressSpace;
  readonly #argument: Argument | null;

  constructor(space: AddressSpace, argument: Argument | null) {
    this.#space = space;
    this.#argument = argument;
  }

  #find(address: number, length: number): Uint8Array | undefined {
    if (this.#argument === null) return undefined;
    const { bytes, pointees } = this.#argument;
    return this.#within(bytes, address, length) ?? this.#withinAny(pointees, address, length);
  }

  #withinAny(views: Argument["pointees"], address: number, length: number): Uint8Array | undefined {
    for (const view of views) {
      const found = view === null ? undefined : this.#within(view, address, length);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #within(view: Uint8Array, address: number, length: number): Uint8Array | undefined {
    const start = address - this.#space.addressOf(view);
    return start >= 0 && start + length <= byteLengthOf(view) ? view.subarray(start, start + length) : undefined;
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
}
