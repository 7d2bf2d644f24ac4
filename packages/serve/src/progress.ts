import { readlinkSync } from "node:fs";
import { basename } from "node:path";

/** Returns the number by which the kernel identifies the calling thread. */
export function threadNumber(): number {
  return Number(basename(readlinkSync("/proc/thread-self")));
}

/** Where each value is. */
const [BEGUN, IS_BUSY, UNIQUE_LOW, UNIQUE_HIGH, CALLER, THREAD, SIZE] = [0, 1, 2, 3, 4, 5, 6] as const;

/** The request that a serving thread works on. */
export interface CurrentRequest {
  /** Differs from that of every other request, and between two parts of one. */
  readonly begun: number;
  /** The number by which the kernel identifies the request. */
  readonly unique: number;
  /** The calling thread. */
  readonly caller: number;
}

/** What the serving thread works on, in shared memory: if it is blocked, it cannot be asked. */
export class Progress {
  readonly shared: Int32Array;

  constructor(shared: Int32Array = new Int32Array(new SharedArrayBuffer(SIZE * 4))) {
    this.shared = shared;
  }

  /** Called by the serving thread before everything else. */
  enter(): void {
    this.shared[THREAD] = threadNumber();
  }

  /** Called by the serving thread before it accesses the memory of a caller. */
  begin(unique: number, caller: number): void {
    const { shared } = this;
    shared[UNIQUE_LOW] = unique | 0;
    shared[UNIQUE_HIGH] = unique / 2 ** 32;
    shared[CALLER] = caller;
    shared[BEGUN] = (shared[BEGUN] as number) + 1;
    Atomics.store(shared, IS_BUSY, 1);
  }

  /** Called by the serving thread after that. */
  end(): void {
    Atomics.store(this.shared, IS_BUSY, 0);
  }

  /** The serving thread. */
  get thread(): number {
    return this.shared[THREAD] as number;
  }

  /** What the serving thread works on; `undefined` if it waits for a request. */
  current(): CurrentRequest | undefined {
    const { shared } = this;
    if (Atomics.load(shared, IS_BUSY) === 0) return undefined;
    const unique = (shared[UNIQUE_HIGH] as number) * 2 ** 32 + ((shared[UNIQUE_LOW] as number) >>> 0);
    return { begun: shared[BEGUN] as number, unique, caller: shared[CALLER] as number };
  }
}
