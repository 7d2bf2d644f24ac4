import { readlinkSync, statSync } from "node:fs";
import type { Device } from "@cryptodev/core";
import { pathOf } from "./file_name.ts";

/** Who answers the calls to a device: the kernel's driver, another process, or this process. */
export type AnsweredBy = "kernel" | "fuse" | "cuse" | "process";

/**
 * Finds out who answers the calls to a device. Only a character device can be the kernel's; one of CUSE is in a folder
 * of its own below `/sys/devices`.
 */
export function answeredBy({ backend, path }: Pick<Device, "backend" | "path">): AnsweredBy {
  if (backend === "software") return "process";
  try {
    const status = statSync(pathOf(path));
    if (!status.isCharacterDevice()) return "fuse";
    const [major, minor] = [(status.rdev >> 8) & 0xfff, (status.rdev & 0xff) | ((status.rdev >> 12) & 0xfff00)];
    return readlinkSync(`/sys/dev/char/${major}:${minor}`).includes("/cuse/") ? "cuse" : "kernel";
  } catch {
    // There is no /sys, or the node was removed in the meantime.
    return "kernel";
  }
}
