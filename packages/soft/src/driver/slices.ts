import { PAGE } from "./zero_copy.ts";

/** Work that pauses between slices, so that others are served meanwhile, and then returns a result. */
export type Slices<Result> = Generator<undefined, Result, undefined>;

/** Completes work without pauses. */
export function complete<Result>(work: Slices<Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Whether a call is work in slices, and not its result. */
export function isSliced<Result>(call: Result | Slices<Result>): call is Slices<Result> {
  return typeof call === "object" && call !== null && Symbol.iterator in call;
}

/** How long a slice should take, in milliseconds: about as long as one more short call. */
const TARGET = 0.03;

/** Sizes of slices. All are multiples of each cipher's block size. */
const [LEAST, MOST] = [256, 2 ** 16];

/**
 * How much data is processed at once. It adapts to the time that a slice takes, because ciphers differ by a factor of a
 * hundred.
 */
export class Pace {
  #size = PAGE;

  /** The size of the next slice, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Adapts the size after a whole slice. @param took - its duration in milliseconds */
  adapt(took: number): void {
    if (took < TARGET) this.#size = Math.min(this.#size * 2, MOST);
    else if (took > 2 * TARGET) this.#size = Math.max(this.#size / 2, LEAST);
  }
}
