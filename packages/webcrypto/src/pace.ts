import { setImmediate } from "node:timers/promises";

/** Data of at most this many bytes is always processed at once. */
export const MAX_AT_ONCE: number = 2 ** 16;

/** The most bytes that the calling thread processes itself, and the longest that this may take, in milliseconds. */
const MOST = 2 ** 20;
const LONGEST = 2;

/** How much a slow operation counts, because something else may have slowed it. */
const WEIGHT = 0.25;
/** How much of the pace is left after each operation that it sent to a thread, so that it is measured again some time. */
const KEPT = 0.9;

/** Waits for the next turn of the event loop. Read now, because a program's tests may replace the timers later. */
const turn: () => Promise<unknown> = setImmediate;

/** Does an operation that is to be measured. */
export type Timed = <T>(operation: () => T) => T;

/**
 * Decides which data of more than {@link MAX_AT_ONCE} bytes the calling thread processes itself: what the device, at its
 * last pace, does within two milliseconds. The way of 1 MiB to a thread and back takes about as long as AES-GCM of it in
 * software, and keeps the calling thread busy for most of that time.
 */
export class Pace {
  /** Milliseconds per byte in the last operation with an algorithm. */
  readonly #paces = new Map<string, number>();
  #isBusy = false;

  /** Whether the calling thread should process so many bytes, rather than another thread. */
  accepts(algorithm: string, size: number): boolean {
    // Calls at the same time shall overlap.
    if (size > MOST || this.#isBusy) return false;
    const pace = this.#paces.get(algorithm) ?? 0;
    if (pace * size <= LONGEST) return true;
    this.#paces.set(algorithm, pace * KEPT);
    return false;
  }

  /**
   * Processes data that {@link Pace.accepts} accepted, in the next turn of the event loop: a program that awaits one
   * operation after the other must not starve everything else.
   */
  async run<T>(algorithm: string, size: number, process: (timed: Timed) => T): Promise<Awaited<T>> {
    this.#isBusy = true;
    try {
      await turn();
      return await process((operation) => {
        const begin = performance.now();
        try {
          return operation();
        } finally {
          this.#measured(algorithm, (performance.now() - begin) / size);
        }
      });
    } finally {
      this.#isBusy = false;
    }
  }

  #measured(algorithm: string, pace: number): void {
    const last = this.#paces.get(algorithm) ?? pace;
    this.#paces.set(algorithm, pace < last ? pace : last + (pace - last) * WEIGHT);
  }
}
