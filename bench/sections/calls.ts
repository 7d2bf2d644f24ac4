import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, difference, summarize } from "../statistics.ts";

function limitOf(name: string): number {
  if (name.startsWith("Bun")) return 25;
  // From 26 on, Node.js calls C by itself; koffi does it before.
  const isOldNode = name.startsWith("Node.js") && Number.parseInt(name.slice("Node.js ".length), 10) < 26;
  return isOldNode ? 120 : 40;
}

/** How well a runtime compiles a loop is chance too, and stays as it is until the process ends: so many take part. */
const PROCESSES = 5;

/** The price of a call above C, with a kernel that does nothing. */
export async function calls(bench: Bench, add: (row: Row) => void): Promise<void> {
  const names = ["C", ...bench.runtimes.map(({ name }) => name)];
  const reused = names.map((): number[] => []);
  const fresh = names.map((): number[] => []);
  const grown = names.map((): number[] => []);
  for (let process = 0; process < PROCESSES; process += 1) {
    const all = await bench.startAll(bench.alone);
    const gather = async (into: number[][], ours: string): Promise<void> => {
      const rounds = await bench.interleave(all, ["call", ...bench.runtimes.map(() => ours)], 16);
      for (const [index, list] of rounds.entries()) into[index]?.push(...list);
    };
    await gather(reused, "call");
    await gather(fresh, "fresh");
    for (const [index, participant] of all.entries()) {
      if (index > 0) grown[index]?.push(await participant.round("heap", 16, 1_000_000));
      participant.stop();
    }
  }
  const [c = []] = reused;
  add({ what: "ioctl on a pipe", who: "C", value: summarize(c).median, unit: "ns", spread: summarize(c).spread });
  const above = (what: string, [base = [], ...ours]: readonly number[][], isLimited: boolean): void => {
    for (const [index, { name: who }] of bench.runtimes.entries()) {
      const rounds = ours[index] as number[];
      const { median: value } = compare(rounds, base, difference);
      const { spread } = summarize(rounds);
      add({ what, who, value, unit: "ns", spread, ...(isLimited && { limit: { most: limitOf(who) } }) });
    }
  };
  above("encryptInto above C, memory reused", reused, true);
  above("encryptInto above C, fresh views", fresh, false);
  for (const [index, { name: who }] of bench.runtimes.entries()) {
    // A collector that runs meanwhile makes it more or less: what stays is there each time.
    const value = Math.min(...(grown[index + 1] as number[]).map(Math.abs)) / 1e6;
    add({ what: "heap after 1,000,000 operations", who, value, unit: "B/op", limit: { most: 1 } });
  }
}
