import type { ErrnoName } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";
import type { Slices } from "./slices.ts";

/** What all open files of a device may use together. */
export class Budget {
  readonly #limit: number;
  readonly #code: ErrnoName;
  readonly #what: string;
  #used = 0;

  /**
   * @param limit - the most that may be in use
   * @param code - the error of a call that exceeds it
   */
  constructor(limit: number, code: ErrnoName, what: string) {
    this.#limit = limit;
    this.#code = code;
    this.#what = what;
  }

  /** @throws {Errno} if that exceeds the limit */
  take(amount = 1): void {
    if (this.#used + amount > this.#limit)
      throw new Errno(this.#code, `all files together may have ${this.#limit} ${this.#what}`);
    this.#used += amount;
  }

  giveBack(amount = 1): void {
    this.#used -= amount;
  }

  /**
   * Takes an amount until work has ended, or is dropped.
   *
   * @throws {Errno} if that exceeds the limit
   */
  *during<Result>(amount: number, work: Slices<Result>): Slices<Result> {
    this.take(amount);
    try {
      return yield* work;
    } finally {
      this.giveBack(amount);
    }
  }
}
