import process from "node:process";

/** How long something took. Speed follows from wall-clock time: CPU time does not include the work of a device. */
export interface Measurement {
  readonly operations: number;
  /** Wall-clock time. */
  readonly seconds: number;
  /** CPU time in this process. */
  readonly userSeconds: number;
  /** CPU time in the kernel on behalf of this process. */
  readonly systemSeconds: number;
}

/** Repeats a function for about `limit` milliseconds. */
function repeat(run: () => void, limit: number): { readonly operations: number; readonly elapsed: number } {
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
  return { operations, elapsed };
}

/**
 * Repeats a function for about `seconds`.
 *
 * @returns how often it ran, and the times
 */
export function measure(run: () => void, seconds: number): Measurement {
  // Warm up: the runtime has not compiled the code during the first calls.
  repeat(run, seconds * 200);
  const before = process.cpuUsage();
  const { operations, elapsed } = repeat(run, seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return { operations, seconds: elapsed / 1000, userSeconds: user / 1e6, systemSeconds: system / 1e6 };
}

/** Operations per second. */
export const rate = ({ operations, seconds }: Measurement): number => operations / seconds;

/** Megabytes (10^6 bytes) per second. */
export const megabytes = (measurement: Measurement, size: number): number => (rate(measurement) * size) / 1e6;
