import { type Command, Option } from "commander";
import { type Backend, type Device, open } from "cryptodev";
import { backends } from "../open.ts";

/** Which device a command works with, as its flags say. */
export interface DeviceFlags {
  readonly backend?: Backend;
  readonly path?: string;
  readonly requireHardware?: true;
}

/** The flag that says what answers. */
export function backendOption(description: string): Option {
  return new Option("--backend <name>", description).choices(backends);
}

/** Gives a command the flags that choose the device. */
export function withDevice(command: Command): Command {
  return command
    .addOption(backendOption("what answers; CRYPTODEV_BACKEND, or kernel, if left out"))
    .option("--path <file>", "where the device is; /dev/crypto if left out")
    .option("--require-hardware", "take no driver but hardware");
}

/** Opens the device that the flags choose. */
export function openDevice({ backend, path, requireHardware }: DeviceFlags): Device {
  return open({ backend, path, hardware: requireHardware ? "require" : "allow" });
}
