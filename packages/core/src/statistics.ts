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
export class StatisticsCounter implements Statistics {
  operations = 0;
  bytes = 0;
  biggest = 0;
  zeroCopyLost = 0;

  get average(): number {
    return this.operations === 0 ? 0 : this.bytes / this.operations;
  }

  add(size: number, isCopied: boolean): void {
    this.operations += 1;
    this.bytes += size;
    if (size > this.biggest) this.biggest = size;
    if (isCopied) this.zeroCopyLost += 1;
  }
}
