import type { crypt_auth_op, crypt_op } from "../abi/structs.ts";
import { refuseOverlap, refuseTooLong } from "../checks.ts";
import { partOf } from "../memory/bytes.ts";
import type { Call } from "../memory/call.ts";
import { MAX_PAGES, PAGE } from "./limits.ts";

/** The number of pages that `size` bytes at an address touch. */
function pagesOf(address: number, size: number): number {
  return Math.floor((address + size - 1) / PAGE) - Math.floor(address / PAGE) + 1;
}

/**
 * Returns by how many bytes one range of addresses starts after another one; `undefined` if they have no byte in common.
 * Two buffer objects can share memory, so only addresses show an overlap.
 */
function shiftOf(start: number, size: number, other: number, otherSize: number): number | undefined {
  return start < other + otherSize && other < start + size ? other - start : undefined;
}

/** Returns the same for the first bytes of two views. Empty views share nothing. All pointers of the call are NULL then. */
export function shiftBetween(
  call: Call<typeof crypt_op>,
  one: Uint8Array,
  oneSize: number,
  other: Uint8Array,
  otherSize: number,
): number | undefined {
  const { src, dst } = call.offset;
  call.point(src, partOf(one, 0, oneSize));
  call.point(dst, partOf(other, 0, otherSize));
  const [start, otherStart] = [addressAt(call, src), addressAt(call, dst)];
  call.release();
  return shiftOf(start, oneSize, otherStart, otherSize);
}

/**
 * Writes to every page of memory that the kernel is about to write to. If a page is read-only or no longer exists, as
 * in a mapped file that was truncated, this process crashes here; otherwise the driver would crash the machine.
 */
export function touch(memory: Uint8Array, size: number): void {
  for (let at = 0; at < size; at += PAGE) memory[at] = memory[at] as number;
  memory[size - 1] = memory[size - 1] as number;
}

/** Returns the address that a pointer of a call holds. */
export function addressAt(call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>, offset: number): number {
  return call.addresses[offset / call.pointerSize] as number;
}

/**
 * Points an operation at the program's memory. This is the only function that passes such memory to the kernel.
 *
 * No code of the program runs between this function and the call. The caller has measured the sizes once; fixed views
 * of these sizes replace the program's views, so later changes, such as growth in another thread, do not matter. What
 * the driver does not check is checked here, on the addresses that it receives.
 *
 * @param written - how many bytes the kernel writes to the destination
 * @param destination - `null` for an operation that only reads
 * @returns why the driver cannot accept the memory, in which case no pointer is set; `undefined` if it can
 */
export function point(
  call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>,
  source: Uint8Array,
  size: number,
  destination: Uint8Array | null,
  written: number,
): "overlap" | "too long" | undefined {
  const at = call.offset;
  const from = partOf(source, 0, size);
  const to = destination === null ? null : partOf(destination, 0, written);
  if (to !== null) touch(to, written);
  call.point(at.src, from);
  call.point(at.dst, to);
  const [start, target] = [addressAt(call, at.src), addressAt(call, at.dst)];
  const isApart = to !== null && start !== target;
  const overlaps = isApart && shiftOf(start, size, target, written) !== undefined;
  const pages = isApart ? pagesOf(start, size) + pagesOf(target, written) : pagesOf(start, Math.max(size, written));
  if (!overlaps && pages <= MAX_PAGES) return undefined;
  call.release();
  return overlaps ? "overlap" : "too long";
}

/**
 * Does the same as {@link point}, but throws.
 *
 * @throws {RangeError} if the driver cannot accept the memory
 */
export function lend(
  call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>,
  source: Uint8Array,
  size: number,
  destination: Uint8Array | null,
  written: number,
  name: string,
): void {
  const problem = point(call, source, size, destination, written);
  if (problem === "overlap") refuseOverlap(name);
  if (problem === "too long") refuseTooLong("source", name, size);
}
