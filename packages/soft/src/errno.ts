import { type ErrnoName, errnos } from "@cryptodev/core";

/**
 * How an ioctl ends that the driver refuses: thrown inside the device, answered by the host as a negative number. The
 * reason is for the log; a caller sees the number alone, as from a kernel.
 */
export class Errno extends Error {
  readonly code: ErrnoName;
  readonly errno: number;

  constructor(code: ErrnoName, reason: string) {
    super(reason);
    this.code = code;
    this.errno = errnos[code];
  }
}
