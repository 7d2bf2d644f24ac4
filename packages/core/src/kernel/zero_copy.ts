import type { crypt_auth_op, crypt_op } from "../abi/structs.ts";
import { refuseOverlap, refuseTooLong } from "../checks.ts";
import { partOf } from "../memory/bytes.ts";
import type { Call } from "../memory/call.ts";
import { MOST_PAGES, PAGE } from "./limits.ts";

/** How many pages `size` bytes touch. */
function pagesOf(address: number, size: number): number {
  return Math.floor((address + size - 1) / PAGE) - Math.floor(address / PAGE) + 1;
}

/**
 * Writes to every page of memory that the kernel is about to write to. Pages that are gone, such as those of a mapped file
 * that was truncated, or that are read-only, end this process here. The driver would take the machine down over them.
 */
export function touch(memory: Uint8Array, size: number): void {
  for (let at = 0; at < size; at += PAGE) memory[at] = memory[at] as number;
  memory[size - 1] = memory[size - 1] as number;
}

/** The address that a pointer of a call has. */
export function addressAt(call: Call<typeof crypt_op> | Call<typeof crypt_auth_op>, offset: number): number {
  return call.addresses[offset / call.pointerSize] as number;
}

/**
 * Points an operation at a program's own memory: the one place where the kernel is given any.
 *
 * Nothing of the program runs between this and the call. Sizes were measured once, by the caller: what a view can do since,
 * such as grow in another thread, no longer counts, as fixed views of these sizes take its place. Everything that the
 * driver does not check is checked here, on the addresses that it is given.
 *
 * @param written - how many bytes the kernel writes at the destination
 * @param destination - `null` for an operation that only reads
 * @returns why the driver cannot take it, in which case nothing is pointed at; `undefined` if it can
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
  // Two buffer objects can be one memory, so that only the addresses say where it is.
  const overlaps = isApart && start < target + written && target < start + size;
  const pages = isApart ? pagesOf(start, size) + pagesOf(target, written) : pagesOf(start, Math.max(size, written));
  if (!overlaps && pages <= MOST_PAGES) return undefined;
  call.release();
  return overlaps ? "overlap" : "too long";
}

/** The same. @throws `RangeError` for memory that the driver cannot take */
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
