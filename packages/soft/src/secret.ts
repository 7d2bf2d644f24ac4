/*
 * Memory for keys. Small arrays lie on the heap of the runtime's garbage collector, which moves them and leaves the old bytes
 * behind, where no `fill(0)` reaches them. An ArrayBuffer that is made as such lies outside of it, and stays where it is.
 */

/** Memory for bytes that are to be wiped. */
export function secretBytes(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

/** Memory for words that are to be wiped. */
export function secretWords(count: number): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(count * 4));
}

/** A copy that can be wiped. */
export function secretCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
