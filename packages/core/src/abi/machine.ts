import { freezeTable } from "./frozen.ts";

/**
 * What the binary interface depends on. These two properties determine the layout of every struct and the number of
 * every request.
 */
export interface Machine {
  /** Bytes in a pointer: 8 on LP64, 4 on ILP32. */
  readonly pointerSize: 4 | 8;
  /**
   * Whose `asm/ioctl.h` numbers the requests. MIPS, PowerPC and SPARC use three bits for the direction and swap them;
   * SPARC uses the same numbers as `"powerpc"`.
   */
  readonly requests: "generic" | "mips" | "powerpc";
}

/** 64-bit machines with the generic `asm/ioctl.h`: x86-64, arm64, riscv64, s390x, loongarch64. */
export const LP64: Machine = { pointerSize: 8, requests: "generic" };
/** 32-bit machines with the generic `asm/ioctl.h`: armv7, i386. */
export const ILP32: Machine = { pointerSize: 4, requests: "generic" };

const machines: Readonly<Record<string, Machine>> = {
  x64: LP64,
  x86_64: LP64,
  arm64: LP64,
  aarch64: LP64,
  riscv64: LP64,
  riscv64gc: LP64,
  s390x: LP64,
  loong64: LP64,
  ia32: ILP32,
  arm: ILP32,
  mips64el: { pointerSize: 8, requests: "mips" },
  mips: { pointerSize: 4, requests: "mips" },
  mipsel: { pointerSize: 4, requests: "mips" },
  ppc64: { pointerSize: 8, requests: "powerpc" },
  ppc: { pointerSize: 4, requests: "powerpc" },
  sparc64: { pointerSize: 8, requests: "powerpc" },
};

freezeTable(LP64);
freezeTable(ILP32);
freezeTable(machines);

/**
 * Finds the machine for an architecture name as Node, Bun (`process.arch`) or Deno (`Deno.build.arch`) spell it.
 *
 * @param arch - for example `"x64"`, `"aarch64"` or `"arm"`
 * @returns `undefined` if this library does not know the architecture's headers
 * @example
 * ```ts
 * import { machineOf } from "cryptodev/abi";
 *
 * console.log(machineOf("arm64")?.pointerSize); // 8
 * ```
 */
export function machineOf(arch: string): Machine | undefined {
  return Object.hasOwn(machines, arch) ? machines[arch] : undefined;
}
