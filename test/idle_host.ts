import { CIOCAUTHCRYPT, CIOCCRYPT } from "@cryptodev/core/abi";
import { type Argument, Call } from "@cryptodev/core/host";
import { VigilantHost } from "./vigilant_host.ts";

/**
 * Checks every operation but does not perform it: for memory that is too large to process, or that grows whenever it is
 * measured.
 */
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
