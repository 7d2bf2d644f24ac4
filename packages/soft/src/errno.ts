import { type ErrnoName, errnos } from "@cryptodev/core/abi";

/**
 * The refusal of a call: thrown inside the driver, and converted by the device to a negative number. The reason is for
 * the log; a caller sees only the number, as from a kernel. It does not extend Error, because creating a stack that
 * nobody reads costs more than the rest of a call.
 */
export class Errno {
  readonly code: ErrnoName;
  readonly errno: number;
  readonly reason: string;

  constructor(code: ErrnoName, reason: string) {
    this.code = code;
    this.errno = errnos[code];
    this.reason = reason;
  }
}
