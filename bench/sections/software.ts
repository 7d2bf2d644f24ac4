import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compareMedians } from "../statistics.ts";

/** Measures the software device in process, compared with node:crypto in the same runtime. */
export async function software(bench: Bench, add: (row: Row) => void): Promise<void> {
  const all = await bench.startAll(bench.alone);
  for (const one of all.slice(1)) {
    for (const algorithm of ["cbc", "gcm", "sha256"]) {
      for (const size of [64, 4096, 65536]) {
        const names = [`soft-${algorithm}`, `node-${algorithm}`];
        const [ours = [], direct = []] = await bench.interleave([one, one], names, size, 3e7);
        const { median, spread } = compareMedians(ours, direct);
        add({
          what: `${algorithm} of ${size} bytes, time relative to node:crypto`,
          who: one.name,
          value: median,
          unit: "x",
          spread,
          limit: { most: size === 64 ? 3 : 1.25 },
        });
      }
    }
  }
  for (const participant of all) participant.stop();
}
