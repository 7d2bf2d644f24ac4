import { type ErrnoName, errnos } from "@cryptodev/core";

/** How an ioctl ends that the driver refuses: thrown inside the device, answered by the host as a negative number. */
export class Errno extends Error {
  readonly errno: number;

  constructor(name: ErrnoName) {
    super(name);
    this.errno = errnos[name];
  }
}
