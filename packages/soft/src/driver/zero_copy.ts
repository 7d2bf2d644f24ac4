import type { ErrnoName } from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { Errno } from "../errno.ts";
import type { Memory } from "../user/memory.ts";

/** The driver copies data in pages, or with zero-copy, pins memory in pages. */
export const PAGE = 4096;

/**
 * The driver uses 32 bytes to list each page of a call, and the kernel allocates at most 4 MiB in one piece for the
 * list.
 */
export const MAX_PAGES = 131_072;

/** Counts the pages that these bytes touch. */
export function pageCount(address: number, size: number): number {
  return size === 0 ? 0 : Math.floor((address + size - 1) / PAGE) - Math.floor(address / PAGE) + 1;
}

/** Counts the pages that the driver lists for source and destination together. */
export function listedPages(src: number, size: number, dst: number, dstSize: number): number {
  const [ofSource, ofDestination] = [pageCount(src, size), pageCount(dst, dstSize)];
  return src === dst ? Math.max(ofSource, ofDestination) : ofSource + ofDestination;
}

/** Returns the crash of a driver that writes to a destination without checking that it got all of its pages. */
export function crashAt(memory: Memory, dst: number): Crash {
  if (dst === 0) return new Crash("dst-null");
  const begins = memory.isWritable(dst, 1) && memory.isReadable(dst, 1);
  return new Crash(begins ? "dst-short" : "dst-unmapped");
}

/**
 * Crash rule: the driver does not check whether it got all pages of dst.
 *
 * @throws {Crash} if not all of dst is writable
 */
export function requireWritable(memory: Memory, dst: number, size: number): void {
  if (size > 0 && !memory.isWritable(dst, size)) throw crashAt(memory, dst);
}

/**
 * Writes a result, which is not used again, to a destination that was found writable. The write can still fail: the
 * memory may have changed since, or lie past the end of its file.
 *
 * @param inPlace - the error if the destination is the source itself, whose pages the driver does check
 * @throws {Crash} if the write fails and `inPlace` is not given
 * @throws {Errno} with `inPlace` if the write fails
 */
export function writeThrough(memory: Memory, dst: number, bytes: Uint8Array, inPlace?: ErrnoName): void {
  if (memory.give === undefined ? memory.write(dst, bytes) : memory.give(dst, bytes)) return;
  if (inPlace === undefined) throw crashAt(memory, dst);
  throw new Errno(inPlace, "src can no longer be written in place");
}
