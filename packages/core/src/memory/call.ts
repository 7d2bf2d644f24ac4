import { type Ioctl, requestNumber } from "../abi/ioctl.ts";
import type { Struct } from "../abi/struct.ts";
import { type AddressSpace, Argument } from "./argument.ts";

/**
 * A prepared ioctl: its request number and its argument, computed once and sent any number of times.
 *
 * @example
 * ```ts
 * import { CIOCASYMFEAT } from "cryptodev/abi";
 * import { Call } from "cryptodev/host";
 * import { SoftwareHost } from "cryptodev/soft";
 *
 * const host = new SoftwareHost();
 * const fd = host.open("/dev/crypto", 2);
 * const call = new Call(host, CIOCASYMFEAT);
 * console.log(host.ioctl(fd, call.request, call)); // 0
 * ```
 */
export class Call<S extends Struct = Struct> extends Argument<S> {
  /** The ioctl that it sends. */
  readonly ioctl: Ioctl<S>;
  /** The request number on this machine, unsigned. */
  readonly request: number;

  /** Prepares an ioctl for the machine of a host. All bytes of its struct are zero. */
  constructor(host: AddressSpace, ioctl: Ioctl<S>) {
    super(host, ioctl.argument);
    this.ioctl = ioctl;
    this.request = requestNumber(ioctl, host.machine);
  }
}
