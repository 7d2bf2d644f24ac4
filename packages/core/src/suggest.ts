/** How many letters have to be put in, taken out, replaced or exchanged with the next one to make one word of another. */
function distance(a: string, b: string): number {
  let [beforeLast, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isEqual = a[row - 1] === b[column - 1];
      const isExchanged = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (last?.[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last?.[column - 1] as number) + (isEqual ? 0 : 1),
        isExchanged ? (beforeLast?.[column - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last?.[b.length] as number;
}

/**
 * The known name that somebody most likely meant, ignoring case; `undefined` if none is close. Only what is close to a known
 * name may be repeated in a message: anything else could be a secret in the wrong place.
 *
 * @example
 * ```ts
 * import { nearest } from "@cryptodev/core";
 *
 * console.log(nearest("aes-gmc", ["aes-cbc", "aes-gcm"])); // aes-gcm
 * ```
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const most = Math.max(1, Math.floor(name.length / 4));
  const close = [...known]
    .filter((candidate) => Math.abs(candidate.length - name.length) <= most)
    .map((candidate) => ({ candidate, by: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.by - b.by)[0];
  return close !== undefined && close.by <= most ? close.candidate : undefined;
}
