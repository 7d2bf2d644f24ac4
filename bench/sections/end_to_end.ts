import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, difference, ratio, summarize } from "../statistics.ts";

/**
 * Measures the same operations on the same device, in C and with the library, after a check that all return the same
 * result.
 */
export async function endToEnd(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  const all = await bench.startAll(bench.together, path);
  const answers = new Set<number>();
  for (const participant of all) answers.add(await participant.round("verify", 65536, 1));
  if (answers.size !== 1) throw new Error(`the participants' ciphertexts differ: ${[...answers].join(", ")}`);
  for (const size of [16, 256, 4096, 65536, 2 ** 20]) {
    const [c = [], ...ours] = await bench.interleave(all, "encrypt", size, 4e7);
    const base = summarize(c);
    add({ what: `AES-128-CBC of ${size} bytes`, who: "C", value: base.median / 1000, unit: "us", spread: base.spread });
    for (const [index, { name }] of bench.runtimes.entries()) {
      const { median, spread } = compare(c, ours[index] as number[], ratio);
      const what = `AES-128-CBC of ${size} bytes, throughput relative to C`;
      add({ what, who: name, value: median, unit: "x", spread, limit: { least: 0.98 } });
    }
  }
  const [c = [], ...ours] = await bench.interleave(all, "session", 0, 4e7);
  const base = summarize(c);
  add({ what: "start and end of a session", who: "C", value: base.median / 1000, unit: "us", spread: base.spread });
  for (const [index, { name }] of bench.runtimes.entries()) {
    const value = compare(ours[index] as number[], c, difference).median / 1000;
    const { spread } = summarize(ours[index] as number[]);
    add({ what: "start and end of a session, above C", who: name, value, unit: "us", spread, limit: { most: 20 } });
  }
  for (const participant of all) participant.stop();
}
