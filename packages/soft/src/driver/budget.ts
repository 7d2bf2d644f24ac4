import type { ErrnoName } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";

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

  /** @throws {Errno} if the limit is reached */
  take(): void {
    if (this.#used >= this.#limit) throw new Errno(this.#code, `all files together have ${this.#limit} ${this.#what}`);
    this.#used += 1;
  }

  giveBack(count = 1): void {
    this.#used -= count;
  }
}
