import { type Argument, byteLengthOf, partOf } from "@cryptodev/core";
import type { Memory } from "./memory.ts";

/** What is named by an argument, and where that is. */
type Named = Pick<Argument, "address" | "bytes" | "addresses" | "pointees">;

/** The memory that one call names: its argument, and what the argument's pointers point to. */
export class ArgumentMemory implements Memory {
  readonly #named: Named | null;

  /** The memory of a call with this argument; a NULL argument names none. */
  constructor(named: Named | null) {
    this.#named = named;
  }

  read(address: number, length: number): Uint8Array | undefined {
    if (this.#named === null) return undefined;
    const { address: start, bytes, addresses, pointees } = this.#named;
    const own = within(bytes, address - (start as number), length);
    if (own !== undefined) return own;
    for (let slot = 0; slot < pointees.length; slot += 1) {
      const view = pointees[slot];
      if (view === null || view === undefined) continue;
      const part = within(view, address - (addresses[slot] as number), length);
      if (part !== undefined) return part;
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
    if (this.#named === null) return this;
    // The argument may point elsewhere by the time of a fetch.
    const { address, bytes, addresses, pointees } = this.#named;
    return new ArgumentMemory({ address, bytes, addresses: [...addresses], pointees: [...pointees] });
  }
}

/**
 * A part of a view, if it has it. It is a plain Uint8Array even where the caller's is a Buffer, whose `slice` would give
 * the caller's own memory for a copy.
 */
function within(view: Uint8Array, start: number, length: number): Uint8Array | undefined {
  return start >= 0 && start + length <= byteLengthOf(view) ? partOf(view, start, start + length) : undefined;
}
