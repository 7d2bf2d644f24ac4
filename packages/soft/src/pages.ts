/** The driver copies data in pages, or with zero-copy, pins memory in pages. */
export const PAGE = 4096;

/**
 * The driver uses 32 bytes to list each page of a call, and the kernel allocates at most 4 MiB in one piece for the
 * list.
 */
export const MOST_PAGES = 131_072;

/** Counts the pages that these bytes touch. */
export function pageCount(address: number, size: number): number {
  return size === 0 ? 0 : Math.floor((address + size - 1) / PAGE) - Math.floor(address / PAGE) + 1;
}

/** Counts the pages that the driver lists for source and destination together. */
export function pagesOf(src: number, size: number, dst: number, dstSize: number): number {
  const [ofSource, ofDestination] = [pageCount(src, size), pageCount(dst, dstSize)];
  return src === dst ? Math.max(ofSource, ofDestination) : ofSource + ofDestination;
}
