import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, difference, summarize } from "../statistics.ts";

function limitOf(name: string): number {
  if (name.startsWith("Bun")) return 25;
  // From 26 on, Node.js calls C by itself; koffi does it before.
  const isOldNode = name.startsWith("Node.js") && Number.parseInt(name.slice("Node.js ".length), 10) < 26;
  return isOldNode ? 120 : 40;
}

/** The price of a call above C, with a kernel that does nothing. */
export async function calls(bench: Bench, add: (row: Row) => void): Promise<void> {
  const all = await bench.startAll(bench.alone);
  const ours = all.slice(1);
  const reused = await bench.interleave(all, "call", 16);
  const { median, spread } = summarize(reused[0] as number[]);
  add({ what: "ioctl on a pipe", who: "C", value: median, unit: "ns", spread });
  const above = (what: string, [c = [], ...rounds]: readonly number[][], isLimited: boolean): void => {
    for (const [index, { name }] of ours.entries()) {
      const { median: value } = compare(rounds[index] as number[], c, difference);
      const spread = summarize(rounds[index] as number[]).spread;
      add({ what, who: name, value, unit: "ns", spread, ...(isLimited && { limit: { most: limitOf(name) } }) });
    }
  };
  above("encryptInto above C, memory reused", reused, true);
  const names = ["call", ...ours.map(() => "fresh")];
  above("encryptInto above C, fresh views", await bench.interleave(all, names, 16), false);
  for (const participant of ours) {
    const grown: number[] = [];
    for (let time = 0; time < 4; time += 1) grown.push(await participant.round("heap", 16, 1_000_000));
    const value = Math.min(...grown.map(Math.abs)) / 1e6;
    add({ what: "heap after 1,000,000 operations", who: participant.name, value, unit: "B/op", limit: { most: 1 } });
  }
  for (const participant of all) participant.stop();
}
