import {
  type Dirent,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { errnoName, O_CLOEXEC } from "@cryptodev/core/abi";
import { ServeError } from "./serve_error.ts";
import { MNT_DETACH, MS_BIND, MS_NOSUID, MS_REC, O_PATH, type ServerHost, serverHost } from "./syscalls.ts";

/** @throws {ServeError} if mounting is not permitted */
function mount(host: ServerHost, source: string, target: string, type: string, flags: number, data = ""): void {
  const result = host.mount(source, target, type, flags, data);
  if (result < 0) throw new ServeError(`${target} cannot be covered in this namespace: mount: ${errnoName(-result)}`);
}

/**
 * Mounts a new folder over another one, and binds everything that is in the old one into it.
 *
 * @param except - the name of an entry that is omitted
 */
function cover(folder: string, except?: string): void {
  const host = serverHost();
  // This descriptor leads to the old folder, even after the new one has covered it.
  const old = host.open(folder, O_PATH | O_CLOEXEC);
  if (old < 0) throw new ServeError(`${folder} cannot be covered in this namespace: open: ${errnoName(-old)}`);
  try {
    mount(host, "cryptodev", folder, "tmpfs", MS_NOSUID, "mode=755");
    try {
      for (const entry of readdirSync(`/proc/self/fd/${old}`, { withFileTypes: true })) {
        if (entry.name !== except) copyEntry(host, entry, `/proc/self/fd/${old}`, folder);
      }
    } catch (error) {
      host.umount2(folder, MNT_DETACH);
      throw error;
    }
  } finally {
    host.close(old);
  }
}

/** Copies a link to another folder, and binds anything else there. An entry that meanwhile was removed is omitted. */
function copyEntry(host: ServerHost, entry: Dirent, source: string, target: string): void {
  const [from, to] = [join(source, entry.name), join(target, entry.name)];
  try {
    if (entry.isSymbolicLink()) {
      symlinkSync(readlinkSync(from), to);
      return;
    }
    if (entry.isDirectory()) mkdirSync(to);
    else writeFileSync(to, "");
    mount(host, from, to, "", MS_BIND | MS_REC);
  } catch (error) {
    if (existsSync(from)) throw error;
    rmSync(to, { recursive: true, force: true });
  }
}

/**
 * Mounts a new `/dev` over the system's and binds all nodes of the old one into it: files that are created in it are
 * visible only in this mount namespace. Call this in a namespace that was created for it, for example by `unshare(1)`.
 *
 * @param path - the path of the device that is to be served in it; a node of the old `/dev` with this name is omitted
 * @throws {ServeError} if mounting is not permitted
 * @throws {UnsupportedError} if libc cannot be reached
 */
export function makePrivateDev(path = "/dev/crypto"): void {
  const wanted = resolve(path);
  cover("/dev", dirname(wanted) === "/dev" ? basename(wanted) : undefined);
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
