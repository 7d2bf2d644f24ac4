import type { Host } from "../host/host.ts";

/** Allocates memory whose address is a multiple of `alignmask + 1`, which must be a power of two. */
export function alignedMemory(host: Host, size: number, alignmask: number): Uint8Array<ArrayBuffer> {
  const room = new Uint8Array(new ArrayBuffer(size + alignmask + 1));
  const beyond = Number(host.addressOf(room)) % (alignmask + 1);
  return new Uint8Array(room.buffer, beyond === 0 ? 0 : alignmask + 1 - beyond, size);
}

/** An alignmask that is enough for all known drivers: that of a cache line. */
export const CACHE_LINE = 63;
