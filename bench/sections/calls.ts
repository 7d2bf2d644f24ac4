import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import type { Summary } from "../statistics.ts";

function limitOf(name: string): number {
  if (name.startsWith("Bun")) return 25;
  // From 26 on, Node.js calls C by itself; koffi does it before.
  const isOldNode = name.startsWith("Node.js") && Number.parseInt(name.slice("Node.js ".length), 10) < 26;
  return isOldNode ? 120 : 40;
}

/** The price of a call above C, with a kernel that does nothing. */
export async function calls(bench: Bench, add: (row: Row) => void): Promise<void> {
  const all = await bench.startAlone();
  const participants = all.slice(1);
  const [c, ...reused] = (await bench.interleave(all, "call", 16)) as [Summary, ...Summary[]];
  add({ what: "ioctl on a pipe", who: "C", value: c.median, unit: "ns", spread: c.spread });
  const above = (what: string, summaries: readonly Summary[], isLimited: boolean): void => {
    for (const [index, { name }] of participants.entries()) {
      const { median, spread } = summaries[index] as Summary;
      const limit = isLimited ? { limit: { most: limitOf(name) } } : {};
      add({ what, who: name, value: median - c.median, unit: "ns", spread, ...limit });
    }
  };
  above("encryptInto above C, memory reused", reused, true);
  above("encryptInto above C, fresh views", await bench.interleave(participants, "fresh", 16), false);
  for (const participant of participants) {
    await participant.round("heap", 16, 1_000_000);
    const value = (await participant.round("heap", 16, 1_000_000)) / 1e6;
    add({ what: "heap after 1,000,000 operations", who: participant.name, value, unit: "B/op", limit: { most: 1 } });
  }
  for (const participant of all) participant.stop();
}
