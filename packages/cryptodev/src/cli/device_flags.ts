import { type Command, Option } from "commander";
import { type Backend, type Device, open } from "cryptodev";

/** Which device a command works with, as its flags say. */
export interface DeviceFlags {
  readonly backend?: Backend;
  readonly path?: string;
  readonly requireHardware?: true;
}

/** Gives a command the flags that choose the device. */
export function withDevice(command: Command): Command {
  return command
    .addOption(
      new Option("--backend <name>", "what answers; CRYPTODEV_BACKEND, or kernel, if left out").choices([
        "kernel",
        "software",
        "auto",
      ]),
    )
    .option("--path <file>", "where the device is; /dev/crypto if left out")
    .option("--require-hardware", "take no driver but hardware");
}

/** Opens the device that the flags choose. */
export function openDevice({ backend, path, requireHardware }: DeviceFlags): Device {
  return open({ backend, path, hardware: requireHardware ? "require" : "allow" });
}
