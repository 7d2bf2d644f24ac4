import process from "node:process";

/** How long something took. By the clock: a device that works while the CPU rests would look infinitely fast otherwise. */
export interface Measurement {
  readonly operations: number;
  /** By the clock. */
  readonly seconds: number;
  /** Of the CPU, in this process. */
  readonly userSeconds: number;
  /** Of the CPU, in the kernel on behalf of this process. */
  readonly systemSeconds: number;
}

/** Does something again and again for about so many milliseconds. */
function repeat(run: () => void, limit: number): { readonly operations: number; readonly elapsed: number } {
  let operations = 0;
  let batch = 1;
  let elapsed = 0;
  const start = performance.now();
  while (elapsed < limit) {
    for (let count = 0; count < batch; count += 1) run();
    operations += batch;
    const now = performance.now() - start;
    // Looking at the clock is to cost nothing next to what it measures.
    if (now - elapsed < limit / 100) batch *= 2;
    elapsed = now;
  }
  return { operations, elapsed };
}

/** Does something for about so many seconds, and tells how often that was. */
export function measure(run: () => void, seconds: number): Measurement {
  // The first calls are not like the others: the runtime has not compiled what they run.
  repeat(run, seconds * 200);
  const before = process.cpuUsage();
  const { operations, elapsed } = repeat(run, seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return { operations, seconds: elapsed / 1000, userSeconds: user / 1e6, systemSeconds: system / 1e6 };
}

/** Operations in a second. */
export const rate = ({ operations, seconds }: Measurement): number => operations / seconds;

/** Megabytes, of 10^6 bytes, in a second. */
export const megabytes = (measurement: Measurement, size: number): number => (rate(measurement) * size) / 1e6;
