import process from "node:process";
import type fc from "fast-check";

/**
 * How much randomness a test uses: a fixed number of runs, multiplied by `FUZZ_RUNS`, from a seed that is printed and
 * can be passed again as `FUZZ_SEED`.
 */
export function parametersOf(name: string, runs: number): fc.Parameters<unknown> {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
  const numRuns = runs * Number(process.env.FUZZ_RUNS ?? 1);
  console.log(`${name}: ${numRuns} runs, FUZZ_SEED=${seed}`);
  return { seed, numRuns };
}
