import { type Argument, Call } from "@cryptodev/core/host";
import { SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { Vigil } from "./vigil.ts";

/** The software device behind a check: every call is inspected before the device handles it. */
export class VigilantHost extends SoftwareHost {
  /** Arguments of CIOCGSESSION, as the library left them after the call. */
  readonly starts: Argument[] = [];
  readonly vigil: Vigil;

  /** @param addressOf - returns the real address of memory; by default the software device makes addresses up */
  constructor(options: SoftwareHostOptions = {}, addressOf?: (view: Uint8Array) => number) {
    super(options);
    this.vigil = new Vigil(addressOf);
  }

  override ioctl(fd: number, request: number, argument: Argument | null): number {
    this.vigil.before(argument);
    if (argument instanceof Call && argument.ioctl.argument.name === "session_op") this.starts.push(argument);
    const result = super.ioctl(fd, request, argument);
    this.vigil.after(argument, result);
    return result;
  }
}
