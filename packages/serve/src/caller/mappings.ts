import { readFileSync } from "node:fs";

/** A range of addresses: from `start` to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The mappings of a process, in ascending order, adjacent ones joined. */
export interface Mapped {
  /** Those that are writable. */
  readonly writable: readonly Range[];
  /** Those of no file: the kernel provides their pages itself. Shared memory is on a file system of its own, number 1. */
  readonly plain: readonly Range[];
}

/** The number of processes whose mappings are cached. */
const MAX_PROCESSES = 64;

/** Returns the mappings that a pattern matches. */
function rangesOf(maps: string, pattern: RegExp): readonly Range[] {
  const ranges: { readonly start: number; end: number }[] = [];
  for (const [, from, to] of maps.matchAll(pattern)) {
    const [start, end] = [Number.parseInt(from as string, 16), Number.parseInt(to as string, 16)];
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
}

/** Reads the mappings of a process (proc_pid_maps(5)); there are none if it does not exist. */
export function mappingsOf(pid: number): Mapped {
  let maps = "";
  try {
    maps = readFileSync(`/proc/${pid}/maps`, "latin1");
  } catch {}
  return {
    writable: rangesOf(maps, /^([0-9a-f]+)-([0-9a-f]+) .w/gm),
    plain: rangesOf(maps, /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ 00:0[01] /gm),
  };
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

/**
 * The mappings of processes. Reading them costs more than a whole call, so they are only read again if they do not
 * contain what is looked for.
 */
export class Mappings {
  readonly #known = new Map<number, Mapped>();

  /** Whether the mappings of a process are known. */
  has(pid: number): boolean {
    return this.#known.has(pid);
  }

  /** Reads the mappings of a process. */
  read(pid: number): Mapped {
    const mapped = mappingsOf(pid);
    if (this.#known.size === MAX_PROCESSES) this.#known.clear();
    this.#known.set(pid, mapped);
    return mapped;
  }

  /** Forgets the mappings of a process, which have turned out to be out of date. */
  forget(pid: number): void {
    this.#known.delete(pid);
  }

  /** Whether all of a piece of memory is in mappings of a kind. */
  include(kind: keyof Mapped, pid: number, address: number, length: number): boolean {
    const known = this.#known.get(pid);
    if (known !== undefined && includes(known[kind], address, length)) return true;
    return includes(this.read(pid)[kind], address, length);
  }
}
