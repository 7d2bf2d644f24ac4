/** Summarizes many rounds. */
export interface Summary {
  readonly median: number;
  /** Half of all rounds deviate from the median by at most this fraction of it. */
  readonly spread: number;
}

function middle(sorted: readonly number[]): number {
  const half = sorted.length >>> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

const inOrder = (numbers: readonly number[]): number[] => [...numbers].sort((one, other) => one - other);

export function summarize(rounds: readonly number[]): Summary {
  const median = middle(inOrder(rounds));
  const deviations = inOrder(rounds.map((round) => Math.abs(round - median)));
  return { median, spread: middle(deviations) / Math.abs(median) };
}

/**
 * Compares two participants that took turns, each round with its neighbour: what slows the machine for a while slows
 * both, and cancels. Only the half of the turns in which the base was faster counts, when the machine was quieter.
 *
 * @param how - computes one value from two rounds, such as their ratio
 */
export function compare(
  ours: readonly number[],
  base: readonly number[],
  how: (ours: number, base: number) => number,
): Summary {
  const quiet = middle(inOrder(base));
  const turns = ours.map((round, turn) => [round, base[turn] as number] as const);
  return summarize(turns.filter(([, other]) => other <= quiet).map(([round, other]) => how(round, other)));
}

/**
 * Compares two participants that both have a garbage collector. Collections hit rounds at random, so medians are
 * compared instead of neighbouring rounds.
 */
export function compareMedians(ours: readonly number[], base: readonly number[]): Summary {
  const { median, spread } = summarize(ours);
  return { median: median / summarize(base).median, spread };
}

export const ratio = (ours: number, base: number): number => ours / base;
export const difference = (ours: number, base: number): number => ours - base;
