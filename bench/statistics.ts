/** What many rounds say. */
export interface Summary {
  readonly median: number;
  /** Half of all rounds are within this part of the median. */
  readonly spread: number;
}

function middle(sorted: readonly number[]): number {
  const half = sorted.length >>> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

export function summarize(rounds: readonly number[]): Summary {
  const median = middle([...rounds].sort((one, other) => one - other));
  const deviations = rounds.map((round) => Math.abs(round - median)).sort((one, other) => one - other);
  return { median, spread: middle(deviations) / median };
}
