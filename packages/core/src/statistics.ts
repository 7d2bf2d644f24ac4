/** What a session has done so far. Sizes are in bytes. */
export interface Statistics {
  /** Number of operations that the kernel carried out. */
  readonly operations: number;
  /** Bytes of data in all operations. */
  readonly bytes: number;
  /** Bytes of data in the largest operation. */
  readonly largest: number;
  /** Average bytes of data in an operation. */
  readonly average: number;
  /** Number of operations whose data the driver had to copy because it was not aligned; see {@link Device.allocate}. */
  readonly copied: number;
}

/** Counts the operations of a session. */
export class StatisticsCounter {
  #operations = 0;
  #bytes = 0;
  #largest = 0;
  #copied = 0;

  add(size: number, isCopied: boolean): void {
    this.#operations += 1;
    this.#bytes += size;
    if (size > this.#largest) this.#largest = size;
    if (isCopied) this.#copied += 1;
  }

  /** Returns the current counts as plain data, which the program may keep and change. */
  snapshot(): Statistics {
    const [operations, bytes] = [this.#operations, this.#bytes];
    const average = operations === 0 ? 0 : bytes / operations;
    return { operations, bytes, largest: this.#largest, average, copied: this.#copied };
  }
}
