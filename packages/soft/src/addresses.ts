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
  // User space has 47 bits on x86-64, and 3 GiB on 32-bit machines: ten regions fit in both.
  const region = pointerSize === 8 ? 2 ** 42 : 2 ** 28;
  /** A bit for each region. */
  let taken = 0;
  for (let slot = 0; slot < argument.pointees.length; slot += 1) {
    const view = argument.pointees[slot] as Uint8Array | null;
    if (view === null) continue;
    const base = (argument.addresses[slot] as number) - byteOffsetOf(view);
    if (bufferOf(view) === buffer) return base + offset;
    taken |= 1 << (base / region);
  }
  // The lowest region that is free: none is 0, where NULL is.
  let free = 1;
  while ((taken & (1 << free)) !== 0) free += 1;
  return free * region + offset;
}
