import { type Argument, Call, CIOCAUTHCRYPT, CIOCCRYPT } from "@cryptodev/core";
import { VigilantHost } from "./vigilant_host.ts";

/** Looks at every operation and carries none out: for memory that is too large to work on, or that changes at every look. */
export class IdleHost extends VigilantHost {
  /** The lengths of the operations that were sent. */
  readonly lengths: number[] = [];

  override ioctl(fd: number, request: number, argument: Argument | null): number {
    const isOperation = argument instanceof Call && (argument.ioctl === CIOCCRYPT || argument.ioctl === CIOCAUTHCRYPT);
    if (!isOperation) return super.ioctl(fd, request, argument);
    this.vigil.before(argument);
    this.lengths.push(argument.getUint32(argument.offset.len as number));
    return 0;
  }
}
