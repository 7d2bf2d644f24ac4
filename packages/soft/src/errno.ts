import { type ErrnoName, errnos } from "@cryptodev/core";

/**
 * How an ioctl ends that the driver refuses: thrown inside the device, answered by the host as a negative number. The
 * reason is for the log; a caller sees the number alone, as from a kernel. It is no Error, whose stack nobody looks at and
 * costs more than all of a call.
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
