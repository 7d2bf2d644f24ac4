import type { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, ratio, summarize } from "../statistics.ts";

async function measureThreads(
  bench: Bench,
  prefix: readonly string[],
  path: string,
  numbers: readonly number[],
  where: string,
  add: (row: Row) => void,
): Promise<void> {
  const all = await bench.startAll(prefix, path);
  for (const many of numbers) {
    const rounds = await bench.interleave(all, `threads-${many}`, 4096);
    for (const [index, { name }] of all.entries()) {
      const { median, spread } = summarize(rounds[index] as number[]);
      const what = `${many} ${many === 1 ? "thread" : "threads"}${where}, 4096 bytes per operation`;
      add({ what, who: name, value: 1e9 / median, unit: "op/s", spread });
    }
  }
  for (const participant of all) participant.stop();
}

/** Measures threads, each with a device and a session of its own, on the processors that the kernel chooses. */
export async function threads(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  await measureThreads(bench, [], path, [1, 2, 4, 8], "", add);
}

/**
 * Measures one thread on the processor of the server. If the kernel chooses two, each call waits until either is woken,
 * and one runtime or another has a third of the operations per second: see `proofs/wake_ups.c`.
 */
export async function oneThread(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  await measureThreads(bench, bench.together, path, [1], " on the server's processor", add);
}

/** Measures many sessions in turn. */
export async function sessions(bench: Bench, path: string, add: (row: Row) => void): Promise<void> {
  const all = await bench.startAll(bench.together, path);
  for (const participant of all) {
    const cases = ["sessions-1", "sessions-100", "sessions-10000"];
    const [one = [], hundred = [], many = []] = await bench.interleave(
      cases.map(() => participant),
      cases,
      16,
    );
    for (const [number, rounds] of [
      ["100", hundred],
      ["10,000", many],
    ] as const) {
      const { median: value, spread } = compare(rounds, one, ratio);
      const limit = participant.name === "C" ? {} : { limit: { most: 1.25 } };
      const what = `operation with ${number} sessions in turn, relative to 1 session`;
      add({ what, who: participant.name, value, unit: "x", spread, ...limit });
    }
    participant.stop();
  }
}
