import { readFileSync } from "node:fs";

/** The writable mappings of a process; adjacent ones are joined. */
export class Maps {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** Reads `/proc/pid/maps` (proc_pid_maps(5)). A process that does not exist has no mappings. */
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
    // Find the last mapping that starts at or before the address.
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address + length <= (this.#ends[low - 1] as number);
  }
}
