import { chmodSync, existsSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoName, O_CLOEXEC, O_RDWR } from "@cryptodev/core/abi";
import { ServeError } from "../serve_error.ts";
import type { ServerHost } from "../syscalls.ts";
import type { Transport } from "./transport.ts";

/** How long the device node may take to appear, in milliseconds. */
const PATIENCE = 5000;

/** Whether CUSE can serve this path: `/dev/cuse` exists, and the path is directly in `/dev`. */
export function canUseCuse(path: string): boolean {
  return existsSync("/dev/cuse") && dirname(path) === "/dev";
}

/**
 * Opens a transport that serves a true character device, which the kernel creates and removes.
 *
 * @throws {ServeError} if the path is not in `/dev` or already exists, or `/dev/cuse` cannot be opened
 */
export function openCuse(host: ServerHost, path: string): Transport {
  if (dirname(path) !== "/dev") throw new ServeError(`${path}: CUSE creates devices only in /dev`);
  if (existsSync(path)) throw new ServeError(`${path} already exists`);
  const fd = host.open("/dev/cuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    throw new ServeError(`/dev/cuse cannot be opened: ${errnoName(-fd)}; it requires root and \`modprobe cuse\``);
  }
  return {
    name: "cuse",
    fd,
    async settle() {
      for (let waited = 0; !existsSync(path); waited += 10) {
        if (waited >= PATIENCE) {
          throw new ServeError(`the kernel did not create ${path}; in a container, serve with --transport fuse`);
        }
        await sleep(10);
      }
      // Permissions as those of the driver's own device. The kernel creates the node for root only.
      chmodSync(path, 0o666);
    },
    knockAt: () => path,
    async remove() {
      for (let waited = 0; existsSync(path) && waited < PATIENCE; waited += 10) await sleep(10);
    },
  };
}
