import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import type { Summary } from "../statistics.ts";

/** Many threads, each with a device and a session of its own; and many sessions in turn. */
export async function scale(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  const all = await bench.startAll(path);
  for (const threads of [1, 2, 4, 8]) {
    const summaries = await bench.interleave(all, `threads-${threads}`, 4096);
    for (const [index, { name }] of all.entries()) {
      const { median, spread } = summaries[index] as Summary;
      add({ what: `${threads} threads, 4096 bytes each time`, who: name, value: 1e9 / median, unit: "op/s", spread });
    }
  }
  for (const participant of all) {
    const [one] = (await bench.interleave([participant], "sessions-1", 16)) as [Summary];
    for (const sessions of [100, 10_000]) {
      const [many] = (await bench.interleave([participant], `sessions-${sessions}`, 16)) as [Summary];
      const value = many.median / one.median;
      const limit = participant.name === "C" ? {} : { limit: { most: 1.25 } };
      const what = `an operation with ${sessions} sessions in turn, time of one with 1`;
      add({ what, who: participant.name, value, unit: "x", spread: many.spread, ...limit });
    }
  }
  for (const participant of all) participant.stop();
}
