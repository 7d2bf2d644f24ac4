import { readFileSync } from "node:fs";

/** Where a process may write: its mappings, joined where they touch. */
export class Maps {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** Reads `/proc/pid/maps` (proc_pid_maps(5)). No process, no mappings. */
  constructor(pid: number) {
    let text = "";
    try {
      text = readFileSync(`/proc/${pid}/maps`, "latin1");
    } catch {}
    for (const [, from, to] of text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) .w/gm)) {
      const [start, end] = [Number.parseInt(from as string, 16), Number.parseInt(to as string, 16)];
      if (this.#ends.at(-1) === start) this.#ends[this.#ends.length - 1] = end;
      else {
        this.#starts.push(start);
        this.#ends.push(end);
      }
    }
  }

  isWritable(address: number, length: number): boolean {
    // The last mapping that starts at or before the address.
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address + length <= (this.#ends[low - 1] as number);
  }
}
