import { type Argument, bufferOf, byteOffsetOf, type Machine } from "@cryptodev/core";

/** Where the struct of every argument is. The page below is never mapped. */
const STRUCT = 0x10000;

/**
 * Makes up the address of memory that an argument is to point at, of which nobody needs the real one.
 *
 * Each buffer that the argument names has a region of its own, page-aligned and with nothing else in it: two views of one
 * buffer are as far apart as their bytes are, and what lies past a buffer is not mapped. Regions belong to the argument,
 * and are free again when it points elsewhere: nothing is remembered that could pile up.
 */
export function addressFor(bytes: Uint8Array, argument: Argument | undefined, { pointerSize }: Machine): number {
  const offset = byteOffsetOf(bytes);
  if (argument === undefined) return STRUCT + offset;
  const buffer = bufferOf(bytes);
  const { pointees, addresses } = argument;
  // User space has 47 bits on x86-64, and 3 GiB on 32-bit machines: ten regions fit in both.
  const region = pointerSize === 8 ? 2 ** 42 : 2 ** 28;
  const taken = new Set<number>();
  for (const [slot, view] of pointees.entries()) {
    if (view === null) continue;
    const base = (addresses[slot] as number) - byteOffsetOf(view);
    if (bufferOf(view) === buffer) return base + offset;
    taken.add(base);
  }
  let base = region;
  while (taken.has(base)) base += region;
  return base + offset;
}
