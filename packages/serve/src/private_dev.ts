import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errnoName } from "@cryptodev/core/abi";
import { ServeError } from "./serve_error.ts";
import { MS_BIND, MS_MOVE, MS_NOSUID, MS_REC, serverHost } from "./syscalls.ts";

/**
 * Mounts a new `/dev` over the system's and binds all nodes of the old one into it: files that are created in it are
 * visible only in this mount namespace. Call this in a namespace that was created for it, for example by `unshare(1)`.
 *
 * @throws {ServeError} if mounting is not permitted
 * @throws {UnsupportedError} if libc cannot be reached
 */
export function makePrivateDev(): void {
  const host = serverHost();
  const stage = mkdtempSync(join(tmpdir(), "cryptodev-dev-"));
  const mount = (source: string, target: string, type: string, flags: number, data: string): void => {
    const result = host.mount(source, target, type, flags, data);
    if (result < 0) throw new ServeError(`a private /dev cannot be created: mount ${target}: ${errnoName(-result)}`);
  };
  try {
    mount("cryptodev", stage, "tmpfs", MS_NOSUID, "mode=755");
    for (const entry of readdirSync("/dev", { withFileTypes: true })) {
      const [from, to] = [join("/dev", entry.name), join(stage, entry.name)];
      if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else {
        if (entry.isDirectory()) mkdirSync(to);
        else writeFileSync(to, "");
        mount(from, to, "", MS_BIND | MS_REC, "");
      }
    }
    mount(stage, "/dev", "", MS_MOVE, "");
  } finally {
    rmdirSync(stage);
  }
}
