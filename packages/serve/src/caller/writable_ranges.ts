import { readFileSync } from "node:fs";

/** A range of addresses: from `start` to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads which memory of a process is mapped as writable (proc_pid_maps(5)).
 *
 * @returns the ranges in ascending order, adjacent mappings joined; empty if the process does not exist
 */
export function writableRanges(pid: number): readonly Range[] {
  let text = "";
  try {
    text = readFileSync(`/proc/${pid}/maps`, "latin1");
  } catch {}
  const ranges: { readonly start: number; end: number }[] = [];
  for (const [, from, to] of text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) .w/gm)) {
    const [start, end] = [Number.parseInt(from as string, 16), Number.parseInt(to as string, 16)];
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
}

/** Whether all of a piece of memory is in one of the ranges, which are in ascending order. */
export function includes(ranges: readonly Range[], address: number, length: number): boolean {
  // Find the last range that starts at or before the address.
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as Range).start <= address) low = middle + 1;
    else high = middle;
  }
  return low > 0 && address + length <= (ranges[low - 1] as Range).end;
}
