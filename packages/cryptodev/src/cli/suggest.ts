const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** How many characters must be inserted, removed, replaced or swapped with the next to make one name the other. */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const cost = one[i - 1] === other[j - 1] ? 0 : 1;
      const swapped =
        one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
          ? (before[j - 2] ?? Number.POSITIVE_INFINITY)
          : Number.POSITIVE_INFINITY;
      next.push(
        Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + cost, swapped + 1),
      );
    }
    [before, row] = [row, next];
  }
  return row[other.length] as number;
}

/** The known name that somebody most likely meant; `undefined` if none is close. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const asked = plain(name);
  // Nothing that long is a mistyped name, and it may be a secret.
  if (asked.length > 32) return undefined;
  const [best] = known
    .map((candidate) => ({ candidate, apart: distance(asked, plain(candidate)) }))
    .filter(({ candidate, apart }) => apart <= Math.floor(plain(candidate).length / 5))
    .sort((one, other) => one.apart - other.apart);
  return best?.candidate;
}
