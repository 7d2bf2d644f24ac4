import type { Bench } from "../bench.ts";
import type { Participant } from "../participant.ts";
import type { Row } from "../report.ts";
import { compare, difference, summarize } from "../statistics.ts";

/**
 * Limits in nanoseconds by runtime, because the cost of a foreign call differs. From version 26 on, Node.js has an FFI
 * of its own; before, koffi calls C.
 */
interface Limits {
  readonly oldNode: number;
  readonly node: number;
  readonly deno: number;
  readonly bun: number;
}

function limitOf(name: string, { oldNode, node, deno, bun }: Limits): number {
  if (name.startsWith("Bun")) return bun;
  if (name.startsWith("Deno")) return deno;
  return Number.parseInt(name.slice("Node.js ".length), 10) < 26 ? oldNode : node;
}

/**
 * How well a runtime compiles a loop is also random, and does not change until the process ends, so several processes
 * are measured.
 */
const PROCESSES = 5;

/** A case that C and our clients perform in turns; `less` is subtracted, for memory that only our side allocates. */
interface Case {
  readonly what: string;
  readonly ours: string;
  readonly size: number;
  readonly limits?: Limits;
  readonly less?: string;
}

const fresh: Limits = { oldNode: 240, node: 180, deno: 130, bun: 190 };
const bare = "two subarray(), three set() and the call, without the library";
const aead: Limits = { oldNode: 400, node: 330, deno: 260, bun: 330 };
const cases: readonly Case[] = [
  {
    what: "encryptInto, memory reused",
    ours: "call",
    size: 16,
    limits: { oldNode: 120, node: 40, deno: 40, bun: 25 },
  },
  { what: "encryptInto, fresh views, 16 bytes", ours: "new-fresh", size: 16, limits: fresh },
  { what: `${bare}, 16 bytes`, ours: "new-bare", size: 16 },
  { what: "encryptInto, fresh views, 1 KiB", ours: "new-fresh", size: 1024, limits: fresh },
  { what: `${bare}, 1 KiB`, ours: "new-bare", size: 1024 },
  { what: "sealInto, fresh views, 64 bytes", ours: "new-seal", size: 64, limits: aead },
  { what: "openInto, fresh views, 64 bytes", ours: "new-open", size: 64, limits: aead },
  {
    what: "digest of 64 bytes, without its memory",
    ours: "new-digest",
    size: 64,
    less: "new-allocate-digest",
    limits: { oldNode: 260, node: 200, deno: 150, bun: 200 },
  },
];
/** Sizes for encrypt(), which allocates its result. */
const sizes = [16, 1024] as const;

/** Measures the cost of a call beyond C's, with an ioctl that does nothing in the kernel. */
export async function calls(bench: Bench, add: (row: Row) => void): Promise<void> {
  const rounds = new Map<string, number[][]>();
  const grown = bench.runtimes.map((): number[] => []);
  for (let process = 0; process < PROCESSES; process += 1) {
    const all = await bench.startAll(bench.alone);
    /** Adds rounds of C and of ours, in turns, to those of the previous processes. */
    const gather = async (c: string, ours: string, size: number): Promise<void> => {
      const key = `${ours} ${size}`;
      const gathered = rounds.get(key) ?? all.map((): number[] => []);
      const more = await bench.interleave(all, [c, ...bench.runtimes.map(() => ours)], size);
      for (const [index, list] of more.entries()) gathered[index]?.push(...list);
      rounds.set(key, gathered);
    };
    for (const { ours, size, less } of cases) {
      await gather("call", ours, size);
      if (less !== undefined) await gather("call", less, size);
    }
    for (const size of sizes) {
      await gather("copied", "new-encrypt", size);
      await gather("copied", "new-allocate", size);
    }
    for (const [index, participant] of all.entries()) {
      if (index > 0) grown[index - 1]?.push(await heapOf(participant));
      participant.stop();
    }
  }
  const of = (ours: string, size: number): number[][] => rounds.get(`${ours} ${size}`) as number[][];
  const median = (list: readonly number[] | undefined): number => summarize(list ?? []).median;
  const c = (what: string, list: readonly number[] | undefined): void => {
    const { median: value, spread } = summarize(list ?? []);
    add({ what, who: "C", value, unit: "ns", spread });
  };
  c("ioctl on a pipe", of("call", 16)[0]);
  for (const size of sizes) c(`ioctl on a pipe, ${size} bytes copied in and out`, of("new-encrypt", size)[0]);
  for (const { what, ours, size, limits, less } of cases) {
    const [base = [], ...lists] = of(ours, size);
    for (const [index, { name: who }] of bench.runtimes.entries()) {
      const list = lists[index] as number[];
      const { median: above } = compare(list, base, difference);
      const value = above - (less === undefined ? 0 : median(of(less, size)[index + 1]));
      const { spread } = summarize(list);
      const limit = limits === undefined ? {} : { limit: { most: limitOf(who, limits) } };
      add({ what: `${what}, above C`, who, value, unit: "ns", spread, ...limit });
    }
  }
  for (const size of sizes) {
    for (const [index, { name: who }] of bench.runtimes.entries()) {
      const [whole, into, memory] = ["new-encrypt", "new-fresh", "new-allocate"].map(
        (ours) => of(ours, size)[index + 1],
      );
      const value = median(whole) / (median(into) + median(memory));
      const { spread } = summarize(whole ?? []);
      const what = `encrypt() of ${size} bytes, relative to allocation and encryptInto`;
      add({ what, who, value, unit: "x", spread, limit: { most: 1.3 } });
    }
  }
  for (const [index, { name: who }] of bench.runtimes.entries()) {
    // A collection in the meantime changes the value in one process; a leak shows in every process.
    const value = Math.min(...(grown[index] as number[]).map(Math.abs)) / 3e6;
    add({ what: "heap after 3,000,000 operations", who, value, unit: "B/op", limit: { most: 1 } });
  }
}

/** Measures by how many bytes the heap grows. */
function heapOf(participant: Participant): Promise<number> {
  return participant.round("heap", 16, 1_000_000);
}
