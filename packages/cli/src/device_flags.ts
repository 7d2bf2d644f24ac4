import type { Device } from "@cryptodev/core";
import { type Command, Option } from "commander";
import type { Backend, Library } from "./library.ts";

/** The options that select a command's device. */
export interface DeviceFlags {
  readonly backend?: Backend;
  readonly path?: string;
  readonly requireHardware?: true;
}

/** Creates the option that selects the backend. */
export function backendOption({ backends }: Library, description: string): Option {
  return new Option("--backend <name>", description).choices(backends);
}

/** Adds the options that select the device. */
export function withDevice(library: Library, command: Command): Command {
  return command
    .addOption(backendOption(library, "backend to use (default: $CRYPTODEV_BACKEND, else kernel)"))
    .option("--path <file>", "path of the device (default: /dev/crypto)")
    .option("--require-hardware", "use only hardware drivers");
}

/** Opens the device that the options select. */
export function openDevice({ open }: Library, { backend, path, requireHardware }: DeviceFlags): Device {
  return open({ backend, path, hardware: requireHardware ? "require" : "allow" });
}
