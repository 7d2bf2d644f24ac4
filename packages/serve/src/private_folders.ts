import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errnoName } from "@cryptodev/core/abi";
import { ServeError } from "./serve_error.ts";
import { MS_BIND, MS_MOVE, MS_NOSUID, MS_REC, type ServerHost, serverHost } from "./syscalls.ts";

/** @throws {ServeError} if mounting is not permitted */
function mount(host: ServerHost, source: string, target: string, type: string, flags: number, data = ""): void {
  const result = host.mount(source, target, type, flags, data);
  if (result < 0) throw new ServeError(`${target} cannot be covered in this namespace: mount: ${errnoName(-result)}`);
}

/** Mounts a new folder over another one, and binds everything that is in the old one into it. */
function cover(folder: string): void {
  const host = serverHost();
  const stage = mkdtempSync(join(tmpdir(), "cryptodev-cover-"));
  try {
    mount(host, "cryptodev", stage, "tmpfs", MS_NOSUID, "mode=755");
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const [from, to] = [join(folder, entry.name), join(stage, entry.name)];
      if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else {
        if (entry.isDirectory()) mkdirSync(to);
        else writeFileSync(to, "");
        mount(host, from, to, "", MS_BIND | MS_REC);
      }
    }
    mount(host, stage, folder, "", MS_MOVE);
  } finally {
    rmdirSync(stage);
  }
}

/**
 * Mounts a new `/dev` over the system's and binds all nodes of the old one into it: files that are created in it are
 * visible only in this mount namespace. Call this in a namespace that was created for it, for example by `unshare(1)`.
 *
 * @throws {ServeError} if mounting is not permitted
 * @throws {UnsupportedError} if libc cannot be reached
 */
export function makePrivateDev(): void {
  cover("/dev");
}

/**
 * Creates the folder `/sys/module/cryptodev` in this mount namespace, as {@link makePrivateDev} creates `/dev`: an
 * empty one, even if the module is loaded. {@link Server.serveParameters} fills it.
 *
 * @returns its path
 * @throws {ServeError} if mounting is not permitted
 * @throws {UnsupportedError} if libc cannot be reached
 */
export function makePrivateModule(): string {
  const folder = "/sys/module/cryptodev";
  if (existsSync(folder)) mount(serverHost(), "cryptodev", folder, "tmpfs", MS_NOSUID, "mode=755");
  else {
    cover("/sys/module");
    mkdirSync(folder);
  }
  return folder;
}
