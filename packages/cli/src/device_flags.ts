import type { Device } from "@cryptodev/core";
import type { Command, Option } from "commander";
import type { Backend, Library } from "./library.ts";
import { isMissingDevice, MissingDevice } from "./missing_device.ts";
import { choiceOption } from "./names.ts";
import { UsageError } from "./usage_error.ts";

/** The options that select a command's device. */
export interface DeviceFlags {
  readonly backend?: Backend;
  readonly path?: string;
  readonly requireHardware?: true;
}

/** Creates the option that selects the backend. */
export function backendOption({ backends }: Library, description: string): Option {
  return choiceOption("--backend <name>", description, backends);
}

/** Adds the options that select the device. */
export function withDevice(library: Library, command: Command): Command {
  return command
    .addOption(backendOption(library, "backend to use (default: $CRYPTODEV_BACKEND, else kernel)"))
    .option("--path <file>", "path of the device (default: /dev/crypto)")
    .option("--require-hardware", "use only hardware drivers");
}

/**
 * Opens the device that the options select.
 *
 * @throws {UsageError} if `--path` is empty
 * @throws {MissingDevice} if there is none
 * @throws {Error} if the device cannot be opened
 */
export function openDevice({ open }: Library, { backend, path, requireHardware }: DeviceFlags): Device {
  if (path === "") throw new UsageError("--path: expected the path of a device, got an empty one");
  try {
    return open({ backend, path, hardware: requireHardware ? "require" : "allow" });
  } catch (error) {
    throw isMissingDevice(error) ? new MissingDevice(error, path !== undefined) : error;
  }
}
