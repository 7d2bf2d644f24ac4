import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Bench, type Runtime, stop } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, ratio, summarize } from "../statistics.ts";

/** How often two callers compete. */
const TURNS = 7;
/** How many operations of 1 GiB run beside short calls. */
const LARGE_TURNS = 3;
/** How long each of them runs before the calls begin, in milliseconds. */
const HEAD_START = 500;
/** How many calls a percentile is taken of. */
const CALLS = 5000;

/** Measures round trips to our server, compared with a server that does nothing, on one processor. */
export async function server(bench: Bench, add: (row: Row) => void): Promise<void> {
  const { together } = bench;
  for (const [index, runtime] of bench.runtimes.entries()) {
    const who = runtime.name;
    const [ours, idle] = [join(bench.work, `ours-${index}`), join(bench.work, `empty-${index}`)];
    const serving = await bench.serveDevice(together, runtime, ours);
    const idling = await bench.serve(together, runtime, Bench.file("empty_server.js"), idle);
    const [one, nobody] = await Promise.all([ours, idle].map((path) => bench.startC(together, path)));
    if (one === undefined || nobody === undefined) return;

    const rounds = await bench.interleave([one, one, nobody, nobody], ["ping", "encrypt", "ping", "encrypt"], 16);
    const [refused = [], short = [], empty = [], carried = []] = rounds;
    const took = (what: string, rounds: readonly number[]): void => {
      const { median, spread } = summarize(rounds);
      add({ what, who, value: median / 1000, unit: "us", spread });
    };
    const times = (what: string, rounds: readonly number[], least: readonly number[], limit?: Row["limit"]): void => {
      const { median, spread } = compare(rounds, least, ratio);
      add({ what, who, value: median, unit: "x", spread, ...(limit && { limit }) });
    };
    took("round trip to an empty file server", empty);
    times("call without data, relative to that", refused, empty, { most: 1.5 });
    took("round trip to it with 16 bytes there and back, and an iv there", carried);
    times("encryption of 16 bytes, relative to that", short, carried, { most: 1.5 });
    times("encryption of 16 bytes, relative to an empty round trip", short, empty);

    for (const participant of [one, nobody]) participant.stop();
    spawnSync("umount", ["-l", idle]);
    await stop(serving);
    idling.kill();
    await competing(bench, runtime, add);
  }
}

/** Measures two callers at once, on the processors that the kernel chooses. */
async function competing(bench: Bench, runtime: Runtime, add: (row: Row) => void): Promise<void> {
  const who = runtime.name;
  const path = join(bench.work, `shared-by-${who}`);
  const serving = await bench.serveDevice([], runtime, path);
  const [one, other] = await Promise.all([bench.startC([], path), bench.startC([], path)]);
  const both = [one, other];
  for (const size of [4096, 2 ** 16, 2 ** 18]) {
    const [alone = []] = await bench.interleave([one], "encrypt", size);
    const count = Math.ceil(2e8 / summarize(alone).median);
    const gains: number[] = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      const single = await one.round("encrypt", size, count);
      const [first = 0, second = 0] = await Promise.all(both.map((client) => client.round("encrypt", size, count)));
      gains.push(single / first + single / second);
    }
    const { median: value, spread } = summarize(gains);
    const what = `two callers at once, ${size} bytes, operations in the time of one caller's`;
    add({ what, who, value, unit: "x", spread, limit: { least: 1.5 } });
  }

  const [short = []] = await bench.interleave([one], "encrypt", 16);
  const [long = []] = await bench.interleave([other], "encrypt", 2 ** 20);
  // Only the sum of many calls in a row is known, so averages are compared.
  const inTurn = long.reduce((sum, round) => sum + round, 0) / long.length;
  const alone = summarize(short).median;
  const waits: number[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const busy = other.round("encrypt", 2 ** 20, Math.ceil(5e8 / inTurn));
    const beside = await one.round("encrypt", 16, Math.ceil(25e7 / inTurn));
    waits.push((beside - alone) / inTurn);
    await busy;
  }
  const { median: value, spread } = summarize(waits);
  const what = "wait of a short call during another's of 1 MiB, relative to that one";
  add({ what, who, value, unit: "x", spread, limit: { most: 0.25 } });

  const median = await one.round("percentile-50", 16, CALLS);
  const [early, late]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < LARGE_TURNS; turn += 1) {
    early.push((await one.round("percentile-99", 16, CALLS)) / median);
    let isBusy = true;
    const operation = other.round("large", 2 ** 20, 1).then(() => (isBusy = false));
    await setTimeout(HEAD_START);
    const most = await one.round("percentile-99", 16, CALLS);
    if (!isBusy) throw new Error("the operation of 1 GiB ended before the calls beside it");
    late.push(most / median);
    await operation;
  }
  const row = "what 99 of 100 calls of 16 bytes take at most";
  const [idle, busy] = [summarize(early), summarize(late)];
  add({ what: `${row}, relative to their median`, who, value: idle.median, unit: "x", spread: idle.spread });
  add({
    what: `${row} during another's of 1 GiB, relative to their median without it`,
    ...{ who, value: busy.median, unit: "x", spread: busy.spread, limit: { most: 5 } },
  });

  for (const client of both) client.stop();
  await stop(serving);
}
