import { type Machine, machineOf } from "../abi/machine.ts";
import { UnsupportedError } from "../errors.ts";

/**
 * Finds the machine that the current runtime uses, for a host that calls libc.
 *
 * @param system - the system's name, as in `process.platform` or `Deno.build.os`
 * @param arch - the architecture's name, as {@link machineOf} accepts it
 * @returns the machine
 * @throws {UnsupportedError} if the system is not Linux, or the architecture is unknown
 * @example
 * ```ts
 * import { linuxMachine } from "cryptodev/host";
 *
 * console.log(linuxMachine("linux", "arm64").pointerSize); // 8
 * ```
 */
export function linuxMachine(system: string, arch: string): Machine {
  // On other systems the calls themselves would be wrong: ioctl is variadic, and Apple's arm64 passes variadic
  // arguments differently.
  if (system !== "linux")
    throw new UnsupportedError("platform", `/dev/crypto exists only on Linux, and this is ${system}`);
  const machine = machineOf(arch);
  if (machine === undefined)
    throw new UnsupportedError("platform", `the layout of /dev/crypto on ${arch} is not known`);
  return machine;
}
