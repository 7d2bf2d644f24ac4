import process from "node:process";

/** How often something ran, and how fast. Speed follows from wall-clock time: CPU time does not include a device's. */
export interface Measurement {
  readonly operations: number;
  /** Wall-clock time. */
  readonly seconds: number;
  /** CPU time in this process. */
  readonly userSeconds: number;
  /** CPU time in the kernel on behalf of this process. */
  readonly systemSeconds: number;
  /** Operations per second: the median of all rounds. */
  readonly rate: number;
  /** The middle half of all rounds is between these two rates. */
  readonly low: number;
  readonly high: number;
}

/** One round: how often a function ran, and for how long. */
interface Round {
  readonly operations: number;
  /** In milliseconds. */
  readonly elapsed: number;
  readonly cpu: NodeJS.CpuUsage;
}

/** How many rounds the contenders have. */
const ROUNDS = 5;

/** Repeats a function for about `limit` milliseconds. */
function repeat(run: () => void, limit: number): Round {
  const before = process.cpuUsage();
  let operations = 0;
  let batch = 1;
  let elapsed = 0;
  const start = performance.now();
  while (elapsed < limit) {
    for (let count = 0; count < batch; count += 1) run();
    operations += batch;
    const now = performance.now() - start;
    // Reading the clock must cost little compared with what it measures.
    if (now - elapsed < limit / 100) batch *= 2;
    elapsed = now;
  }
  return { operations, elapsed, cpu: process.cpuUsage(before) };
}

/** The value below which a fraction of the numbers is. */
function quantile(sorted: readonly number[], fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const [below, above] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
  return below + (above - below) * (place % 1);
}

function summarize(rounds: readonly Round[]): Measurement {
  const sum = (part: (round: Round) => number): number => rounds.reduce((total, round) => total + part(round), 0);
  const rates = rounds.map(({ operations, elapsed }) => (operations / elapsed) * 1000).sort((a, b) => a - b);
  return {
    operations: sum(({ operations }) => operations),
    seconds: sum(({ elapsed }) => elapsed) / 1000,
    userSeconds: sum(({ cpu }) => cpu.user) / 1e6,
    systemSeconds: sum(({ cpu }) => cpu.system) / 1e6,
    rate: quantile(rates, 0.5),
    low: quantile(rates, 0.25),
    high: quantile(rates, 0.75),
  };
}

/**
 * Measures functions in turns, so that whatever slows the machine for a while slows all of them.
 *
 * @param seconds - how long each of them runs in all
 */
export function measure(functions: readonly (() => void)[], seconds: number): readonly Measurement[] {
  const limit = (seconds * 1000) / ROUNDS;
  // Warm up: the runtime has not compiled the code during the first calls.
  for (const run of functions) repeat(run, limit);
  const rounds = functions.map((): Round[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, run] of functions.entries()) rounds[index]?.push(repeat(run, limit));
  }
  return rounds.map(summarize);
}

/** Megabytes (10^6 bytes) per second. */
export const megabytes = (rate: number, size: number): number => (rate * size) / 1e6;

/** By what fraction of the median the middle half of all rounds deviates from it. */
export const spread = ({ rate, low, high }: Measurement): number => (high - low) / 2 / rate;

/** The part of a processor that was used, at most 1. */
export const load = ({ userSeconds, systemSeconds, seconds }: Measurement): number =>
  Math.min((userSeconds + systemSeconds) / seconds, 1);
