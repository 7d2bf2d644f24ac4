/*
 * Memory for keys. Small arrays are on the heap of the runtime's garbage collector, which moves them and leaves the old
 * bytes behind, where no `fill(0)` reaches them. An ArrayBuffer that is created explicitly is outside of that heap, and
 * does not move.
 */

/** Allocates memory for bytes that will be wiped. */
export function secretBytes(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

/** Allocates memory for words that will be wiped. */
export function secretWords(count: number): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(count * 4));
}

/** Returns a copy that can be wiped. */
export function secretCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
