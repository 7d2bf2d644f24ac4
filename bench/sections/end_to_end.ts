import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import type { Summary } from "../statistics.ts";

/** The same operations on the same device, by C and by us, after all were seen to give the same. */
export async function endToEnd(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  const all = await bench.startAll(path);
  const answers = new Set<number>();
  for (const participant of all) answers.add(await participant.round("verify", 65536, 1));
  if (answers.size !== 1) throw new Error(`the participants do not encrypt alike: ${[...answers].join(", ")}`);
  for (const size of [16, 256, 4096, 65536, 2 ** 20]) {
    const [c, ...ours] = (await bench.interleave(all, "encrypt", size)) as [Summary, ...Summary[]];
    add({ what: `AES-128-CBC of ${size} bytes`, who: "C", value: c.median / 1000, unit: "us", spread: c.spread });
    for (const [index, { name }] of bench.runtimes.entries()) {
      const { median, spread } = ours[index] as Summary;
      const what = `AES-128-CBC of ${size} bytes, throughput of C`;
      add({ what, who: name, value: c.median / median, unit: "x", spread, limit: { least: 0.98 } });
    }
  }
  const [c, ...ours] = (await bench.interleave(all, "session", 0)) as [Summary, ...Summary[]];
  add({ what: "to start and end a session", who: "C", value: c.median / 1000, unit: "us", spread: c.spread });
  for (const [index, { name }] of bench.runtimes.entries()) {
    const { median, spread } = ours[index] as Summary;
    const value = (median - c.median) / 1000;
    add({ what: "to start and end a session, above C", who: name, value, unit: "us", spread, limit: { most: 20 } });
  }
  for (const participant of all) participant.stop();
}
