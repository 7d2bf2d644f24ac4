import { execFileSync } from "node:child_process";
import { Bench, type Runtime } from "../bench.ts";
import { Participant } from "../participant.ts";
import type { Row } from "../report.ts";
import { compareMedians } from "../statistics.ts";

/** What two threads are worth without the library. */
function withoutLibrary({ command: [file = "", ...flags] }: Runtime): number {
  const said = execFileSync(file, [...flags, Bench.file("../proofs/threads.mjs")], { encoding: "utf8" });
  return Number(/[\d.]+/.exec(said)?.[0]);
}

/** Measures awaited operations of the software device: their way to a thread and back, inline, and on two threads. */
export async function asynchronous(bench: Bench, add: (row: Row) => void): Promise<void> {
  for (const runtime of bench.runtimes) {
    const { name: who, command } = runtime;
    const one = await Participant.start(who, [...command, Bench.file("async_client.js")]);
    const relative = async (ours: string, base: string, size: number) => {
      const [times = [], others = []] = await bench.interleave([one, one], [ours, base], size);
      return compareMedians(times, others);
    };
    const trip = await relative("thread", "echo", 64);
    const what = "awaited operation of 64 bytes in a thread, relative to an echo of the thread";
    add({ what, who, value: trip.median, unit: "x", spread: trip.spread, limit: { most: 1.3 } });
    for (const size of [64, 1024, 4096]) {
      const { median: value, spread } = await relative("in-place", "thread", size);
      add({ what: `operation of ${size} bytes inline, relative to one in a thread`, who, value, unit: "x", spread });
    }
    const { median, spread } = await relative("workers-1", "workers-2", 65536);
    const shared = "64 KiB on two threads, throughput relative to one thread";
    add({ what: shared, who, value: median, unit: "x", spread, limit: { least: 1.6 } });
    add({ what: `${shared}, without the library`, who, value: withoutLibrary(runtime), unit: "x" });
    one.stop();
  }
}
