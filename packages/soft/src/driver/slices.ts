import { type Memory, PIECE } from "../user/memory.ts";
import { PAGE } from "./zero_copy.ts";

/** An algorithm of a session, and its key. */
export interface KeyedAlgorithm {
  /** The number of the algorithm in the header. */
  readonly id: number;
  /** Its key; empty for a hash. */
  readonly key: Uint8Array;
}

/** A cipher of a session, its key, and where it is. */
export interface CipherInProgress extends KeyedAlgorithm {
  /** The iv of the first byte of data. */
  readonly iv: Uint8Array;
}

/** The data of a long operation, and how to process it, which another thread can do. */
export interface Bulk {
  /** Whether the data is decrypted. */
  readonly decrypt: boolean;
  /** The address of the data. */
  readonly from: number;
  /** The address of the result. */
  readonly to: number;
  /** The size of the data in bytes. */
  readonly length: number;
  /** The cipher; `undefined` if the data is only hashed. */
  readonly cipher: CipherInProgress | undefined;
  /** The mac, which starts and ends with this data. */
  readonly mac: KeyedAlgorithm | undefined;
}

/** What another thread has done. */
export interface BulkResult {
  /** The size of the data that was processed. Memory at its end could not be accessed, unless it is all of the data. */
  readonly done: number;
  /** The iv after that data. */
  readonly iv: Uint8Array | undefined;
  /** The digest of all data. */
  readonly digest: Uint8Array | undefined;
}

/**
 * Work that pauses between slices, so that others are served meanwhile, and then returns a result. A pause can offer
 * the bulk of the work to another thread: whoever continues it then passes what that thread has done, or nothing.
 */
export type Slices<Result> = Generator<Bulk | undefined, Result, BulkResult | undefined>;

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

/** Returns the most data that an operation processes at once. Without a pace it does not pause. */
export function shortSize(pace: Pace | undefined): number {
  return pace?.size ?? PIECE;
}

/** Processes data piece by piece, and pauses after each. @param process - called with the place and size of a piece */
export function* inPieces(
  length: number,
  pace: Pace | undefined,
  process: (start: number, size: number) => void,
): Slices<void> {
  for (let done = 0; done < length; ) {
    const begun = performance.now();
    const size = Math.min(shortSize(pace), length - done);
    process(done, size);
    done += size;
    pace?.adapt(performance.now() - begun);
    yield;
  }
}

/** How many bytes of memory are tested in one slice. */
const PROBED = 2 ** 17;

/** Whether all pages are readable, and also writable if they are processed in place. */
export function* areReachable(memory: Memory, address: number, length: number, isInPlace: boolean): Slices<boolean> {
  for (let done = 0; done < length; done += PROBED) {
    const [at, size] = [address + done, Math.min(PROBED, length - done)];
    if (!memory.isReadable(at, size) || (isInPlace && !memory.isWritable(at, size))) return false;
    if (done + size < length) yield;
  }
  return true;
}
