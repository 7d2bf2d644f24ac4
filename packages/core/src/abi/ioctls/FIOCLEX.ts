import type { Machine } from "../machine.ts";

/**
 * Request numbers of FIOCLEX, fcntl's `FD_CLOEXEC` as an ioctl that every kind of file answers (`<asm/ioctls.h>`). It
 * is older than the common scheme of numbers, so each family of machines has its own. It takes no argument.
 */
export const FIOCLEX: Readonly<Record<Machine["requests"], number>> = {
  generic: 0x5451,
  mips: 0x6601,
  powerpc: 0x20006601,
};
