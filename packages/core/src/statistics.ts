/** What a session did so far. Sizes are bytes. */
export interface Statistics {
  /** Operations that the kernel carried out. */
  readonly operations: number;
  /** Bytes of data in all of them. */
  readonly bytes: number;
  /** Bytes in the biggest of them. */
  readonly biggest: number;
  /** Bytes in one of them on average. */
  readonly average: number;
  /** Operations whose data the driver had to copy, as it was not aligned: see {@link Device.allocate}. */
  readonly zeroCopyLost: number;
}

/** Counts what a session does. */
export class StatisticsCounter {
  #operations = 0;
  #bytes = 0;
  #biggest = 0;
  #zeroCopyLost = 0;

  add(size: number, isCopied: boolean): void {
    this.#operations += 1;
    this.#bytes += size;
    if (size > this.#biggest) this.#biggest = size;
    if (isCopied) this.#zeroCopyLost += 1;
  }

  /** What it has counted by now, as plain data that is the program's to keep and to change. */
  snapshot(): Statistics {
    const [operations, bytes] = [this.#operations, this.#bytes];
    const average = operations === 0 ? 0 : bytes / operations;
    return { operations, bytes, biggest: this.#biggest, average, zeroCopyLost: this.#zeroCopyLost };
  }
}
