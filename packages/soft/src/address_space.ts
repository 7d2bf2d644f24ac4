import { bufferOf, byteOffsetOf } from "@cryptodev/core";

const PAGE = 4096;
/** x86-64 gives user space 47 bits. */
const TOP = 2 ** 47;

/**
 * Addresses for buffers of this process, whose real ones nobody needs.
 *
 * Each buffer gets one range of its own for as long as it lives, page-aligned and with an unmapped page after it: two
 * views of one buffer are as far apart as their bytes are. The table is weak, so it grows with the buffers that are
 * alive and with nothing else.
 */
export class AddressSpace {
  readonly #bases = new WeakMap<ArrayBufferLike, number>();
  #next = 16 * PAGE;

  addressOf(bytes: Uint8Array): number {
    const buffer = bufferOf(bytes);
    let base = this.#bases.get(buffer);
    if (base === undefined) {
      base = this.#reserve(sizeWhenGrown(buffer));
      this.#bases.set(buffer, base);
    }
    return base + byteOffsetOf(bytes);
  }

  #reserve(size: number): number {
    const pages = Math.ceil(size / PAGE) + 1;
    // After 128 TiB of buffers the first ranges are long free.
    if (this.#next + pages * PAGE > TOP) this.#next = 16 * PAGE;
    const base = this.#next;
    this.#next += pages * PAGE;
    return base;
  }
}

/** A resizable buffer keeps its address when it grows. */
function sizeWhenGrown(buffer: ArrayBufferLike & { readonly maxByteLength?: number }): number {
  return buffer.maxByteLength ?? buffer.byteLength;
}
