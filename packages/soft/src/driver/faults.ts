import { type ErrnoName, errnos } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";
import { requireName } from "../options.ts";

const errorNames: ReadonlySet<string> = new Set(Object.keys(errnos));

/** A call that is to fail: the next one of that name, or of any name. */
interface RequestedFault {
  readonly code: ErrnoName;
  readonly call: string | undefined;
}

/** The calls that a test makes fail, in the order in which it requested them. */
export class RequestedFaults {
  readonly #calls: ReadonlySet<string>;
  readonly #asyncCalls: ReadonlySet<string>;
  readonly #faults: RequestedFault[] = [];

  /**
   * @param calls - the names of the calls that the device answers
   * @param asyncCalls - the names of those that it would also answer if it were built with ENABLE_ASYNC
   */
  constructor(calls: ReadonlySet<string>, asyncCalls: ReadonlySet<string>) {
    this.#calls = calls;
    this.#asyncCalls = asyncCalls;
  }

  /**
   * @throws {TypeError} if `code` or `call` is not a string
   * @throws {RangeError} if the error or the call does not exist, or if the device never receives the call
   */
  add(code: ErrnoName, call: string | undefined): void {
    requireName("error of a fault", code, errorNames);
    if (call !== undefined && this.#asyncCalls.has(call)) {
      throw new RangeError(`call of a fault: only a device created with async: true supports ${call}`);
    }
    if (call !== undefined) requireName("call of a fault", call, this.#calls);
    this.#faults.push({ code, call });
  }

  /** @throws {Errno} if a test has requested that this call fails */
  throwIfRequested(name: string): void {
    if (this.#faults.length === 0) return;
    const index = this.#faults.findIndex(({ call }) => call === undefined || call === name);
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault !== undefined) throw new Errno(fault.code, "as requested");
  }
}
