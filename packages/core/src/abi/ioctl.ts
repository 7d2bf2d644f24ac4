import type { Machine } from "./machine.ts";
import { layout, type Struct } from "./struct.ts";

/**
 * The direction of an ioctl's argument, named after the macro of `<sys/ioctl.h>` that builds the request number: `IO`
 * has no argument, `IOR` reads from the kernel, `IOW` writes to it, `IOWR` does both.
 */
export type Direction = "IO" | "IOR" | "IOW" | "IOWR";

/** An ioctl as declared in its header. */
export interface Ioctl<Argument extends Struct | null = Struct | null> {
  /** Its name in the header. */
  readonly name: string;
  /** The direction of its argument. */
  readonly direction: Direction;
  /** The character that the header uses as the ioctl's type. */
  readonly type: string;
  /** Its number within the type. */
  readonly number: number;
  /** What the third argument of `ioctl(2)` points to. */
  readonly argument: Argument;
}

const generic = { IO: 0, IOW: 1, IOR: 2, IOWR: 3 } as const;
const swapped = { IO: 1, IOR: 2, IOW: 4, IOWR: 6 } as const;

/**
 * Computes the request number of an ioctl: direction, argument size, type and number, packed into 32 bits
 * (`asm-generic/ioctl.h`; MIPS, PowerPC and SPARC use another packing).
 *
 * @returns an unsigned 32-bit number
 * @example
 * ```ts
 * import { CIOCCRYPT, LP64, requestNumber } from "cryptodev/abi";
 *
 * console.log(requestNumber(CIOCCRYPT, LP64).toString(16)); // c0306368
 * ```
 */
export function requestNumber(ioctl: Ioctl, machine: Machine): number {
  const direction = machine.requests === "generic" ? generic[ioctl.direction] << 30 : swapped[ioctl.direction] << 29;
  const size = ioctl.argument === null ? 0 : layout(ioctl.argument, machine).size;
  return (direction | (size << 16) | (ioctl.type.charCodeAt(0) << 8) | ioctl.number) >>> 0;
}
