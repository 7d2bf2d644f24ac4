/** Removes what people write differently in a name: case and separators. */
export function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, "");
}

/** The cost of replacing one character by another. Digits are sizes, and another size is rarely a typing error. */
function cost(one: string | undefined, other: string | undefined): number {
  if (one === other) return 0;
  return /^\d\d$/.test(`${one}${other}`) ? 2 : 1;
}

/**
 * How many letters have to be changed, added, removed or swapped with their neighbour to turn one word into the other.
 */
function distance(one: string, other: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let row = 1; row <= one.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSwap = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      next[column] = Math.min(
        (last[column] as number) + 1,
        (next[column - 1] as number) + 1,
        (last[column - 1] as number) + cost(one[row - 1], other[column - 1]),
        isSwap ? (before[column - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, next];
  }
  return last[other.length] as number;
}

/**
 * Finds the known name that is closest to a mistyped one.
 *
 * @returns `undefined` if no name is close: at most two letters may differ, and no more than a quarter of them
 * @example
 * ```ts
 * import { nearest } from "cryptodev/algorithms";
 *
 * console.log(nearest("aes-256-cbs", ["aes-256-cbc", "aes-256-ctr"])); // aes-256-cbc
 * ```
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // A string as long as a key may be one: it is not compared, or shown because it is close to a name.
  if (name.length > 32) return undefined;
  let [best, least]: [string | undefined, number] = [undefined, 3];
  for (const candidate of known) {
    const far = distance(plain(name), plain(candidate));
    if (far < least && far * 4 <= plain(candidate).length) [best, least] = [candidate, far];
  }
  return best;
}
