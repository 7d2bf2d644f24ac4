import { type Machine, machineOf } from "./abi/machine.ts";
import { UnsupportedError } from "./errors.ts";

/**
 * Finds the machine that a runtime is on, for a host that calls its libc.
 *
 * @param system - the system's name, as `process.platform` or `Deno.build.os` has it
 * @param arch - the architecture's name, as {@link machineOf} takes it
 * @throws `UnsupportedError` for another system than Linux, or an unknown architecture
 * @example
 * ```ts
 * import { linuxMachine } from "@cryptodev/core";
 *
 * console.log(linuxMachine("linux", "arm64").pointerSize); // 8
 * ```
 */
export function linuxMachine(system: string, arch: string): Machine {
  // Elsewhere the calls themselves would go wrong: ioctl is variadic, and Apple's arm64 passes those arguments apart.
  if (system !== "linux") throw new UnsupportedError(`/dev/crypto is a device of Linux, this is ${system}`);
  const machine = machineOf(arch);
  if (machine === undefined) throw new UnsupportedError(`the layout of /dev/crypto on ${arch} is not known`);
  return machine;
}
