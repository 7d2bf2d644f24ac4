import type { Machine } from "@cryptodev/core/abi";
import { type Argument, bufferOf, byteOffsetOf } from "@cryptodev/core/host";

/** The address of every argument's struct. The page below it is never mapped. */
const STRUCT = 0x10000;

/** Addresses from here on are not those of the struct, on any machine. */
export const FIRST_REGION: number = 2 ** 28;

/** Bytes in a region. User space has 47 bits on x86-64, and 3 GiB on 32-bit machines: twelve regions fit in both. */
function regionOf({ pointerSize }: Machine): number {
  return pointerSize === 8 ? 2 ** 42 : FIRST_REGION;
}

/** Returns the address of results that the device creates: the region after those of as many pointers as a struct has. */
export function resultAddressFor(machine: Machine): number {
  return 11 * regionOf(machine);
}

/**
 * Makes up an address for memory that an argument is to point at. The real address is never needed.
 *
 * Each buffer that the argument refers to gets its own page-aligned region, which contains nothing else: two views of
 * one buffer are as far apart as their bytes are, and memory past the end of a buffer is not mapped. Regions belong to
 * the argument and are released when it points elsewhere, so that nothing accumulates.
 */
export function addressFor(bytes: Uint8Array, argument: Argument | undefined, machine: Machine): number {
  const offset = byteOffsetOf(bytes);
  if (argument === undefined) return STRUCT + offset;
  const buffer = bufferOf(bytes);
  // A pointer into the struct itself.
  if (buffer === argument.bytes.buffer) return STRUCT + offset;
  const region = regionOf(machine);
  /** One bit for each region. */
  let taken = 0;
  for (let slot = 0; slot < argument.pointees.length; slot += 1) {
    const view = argument.pointees[slot] as Uint8Array | null;
    if (view === null) continue;
    const base = (argument.addresses[slot] as number) - byteOffsetOf(view);
    if (bufferOf(view) === buffer) return base + offset;
    taken |= 1 << (base / region);
  }
  // The lowest free region. Region 0 is never used, because it contains NULL.
  let free = 1;
  while ((taken & (1 << free)) !== 0) free += 1;
  return free * region + offset;
}
