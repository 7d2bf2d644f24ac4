/** Without zero-copy the driver works through the data in pages, and with it, it gets memory in pages. */
export const PAGE = 4096;

/** The driver lists the pages of a call in 32 bytes each, and the kernel has no more than 4 MiB in one piece for the list. */
export const MOST_PAGES = 131_072;

/** How many pages have a part in these bytes. */
export function pageCount(address: number, size: number): number {
  return size === 0 ? 0 : Math.floor((address + size - 1) / PAGE) - Math.floor(address / PAGE) + 1;
}

/** How many pages the driver lists for source and destination together. */
export function pagesOf(src: number, size: number, dst: number, dstSize: number): number {
  const [ofSource, ofDestination] = [pageCount(src, size), pageCount(dst, dstSize)];
  return src === dst ? Math.max(ofSource, ofDestination) : ofSource + ofDestination;
}
