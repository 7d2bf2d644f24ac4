import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, compareMedians, difference, summarize } from "../statistics.ts";

/** The most nanoseconds that an update may cost beyond `encryptInto`. */
const MOST_ABOVE = 500;

/** The least throughput, relative to node:crypto, of updates in process. Bun's node:crypto takes 80 ns for 16 bytes. */
function leastOf(who: string, size: number): number {
  if (size >= 4096) return 0.9;
  return who.startsWith("Bun") ? 0.3 : 0.5;
}

/**
 * Measures one cipher and many updates, with `cryptodev/crypto` and with node:crypto. Each device has a process of its own,
 * as in programs: compilers make slower code for a function that has worked with several.
 */
export async function dropIn(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  for (const runtime of bench.runtimes) {
    const one = await bench.start(bench.together, runtime, path);
    for (const size of [16, 256, 1024]) {
      const names = ["drop-in-pipe", "call", "new-allocate-buffer"];
      const [ours = [], into = [], memory = []] = await bench.interleave([one, one, one], names, size);
      const { median: value, spread } = compare(ours, into, difference);
      const what = `update of ${size} bytes, above encryptInto, with a kernel that does nothing`;
      const who = runtime.name;
      add({ what, who, value, unit: "ns", spread, limit: { most: MOST_ABOVE } });
      const alone = summarize(memory);
      add({
        what: `allocation of its result, ${size} bytes`,
        who,
        value: alone.median,
        unit: "ns",
        spread: alone.spread,
      });
    }
    one.stop();
    for (const device of ["served", "software"]) {
      const other = await bench.start(bench.together, runtime, path);
      for (const size of [16, 256, 4096, 65536, 2 ** 20]) {
        const names = [`drop-in-${device}`, "drop-in-node"];
        const [ours = [], direct = []] = await bench.interleave([other, other], names, size);
        const { median: value, spread } = compareMedians(direct, ours);
        const what = `update of ${size} bytes, ${device === "served" ? "on the device" : "in process"}, throughput relative to node:crypto`;
        const limit = device === "served" ? {} : { limit: { least: leastOf(runtime.name, size) } };
        add({ what, who: runtime.name, value, unit: "x", spread, ...limit });
      }
      other.stop();
    }
  }
}
