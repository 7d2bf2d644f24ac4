import { constants, lstatSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoName, errnos, O_CLOEXEC, O_RDWR } from "@cryptodev/core/abi";
import { ServeError } from "../serve_error.ts";
import { MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID, O_PATH, type ServerHost, UMOUNT_NOFOLLOW } from "../syscalls.ts";
import { Guard, newMark } from "./guard.ts";
import type { Transport } from "./transport.ts";
import { isForeign, requireTrusted } from "./trusted.ts";

/** The type of our mounts in `/proc/self/mountinfo`. */
const TYPE = "fuse.cryptodev";

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Whether a server of this package is mounted on this path, alive or dead. */
function isMounted(host: ServerHost, path: string): boolean {
  const fd = host.open(path, O_PATH | constants.O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  try {
    const [, id] = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1")) ?? [];
    // Not by the path, which can also be that of a mount in a folder that is covered by another one.
    const mounts = readFileSync("/proc/self/mountinfo", "latin1").split("\n");
    return mounts.some((line) => line.startsWith(`${id} `) && line.includes(` - ${TYPE} `));
  } finally {
    host.close(fd);
  }
}

/** The file to mount on. */
interface Below {
  readonly inode: bigint;
  readonly isOurs: boolean;
}

/**
 * Makes sure that the path is a file that can be mounted on.
 *
 * @throws {ServeError} if it is something else, is already served, or cannot be created
 */
function prepare(host: ServerHost, path: string): Below {
  let isOurs = false;
  for (;;) {
    try {
      const stats = lstatSync(path, { bigint: true });
      if (isMounted(host, path)) throw new ServeError(`${path} is already served`);
      if (stats.isSymbolicLink()) throw new ServeError(`${path} is a link; serve at the path that it leads to`);
      if (stats.isCharacterDevice()) throw new ServeError(`${path} is already a device; serve at another path`);
      if (!stats.isFile() || stats.size > 0n) throw new ServeError(`${path} already exists and is not an empty file`);
      if (process.getuid?.() === 0 && isForeign({ uid: Number(stats.uid) })) {
        throw new ServeError(`${path} belongs to another user (uid ${stats.uid}); remove it, or serve at another path`);
      }
      return { inode: stats.ino, isOurs };
    } catch (error) {
      if (codeOf(error) === "ENOENT") {
        try {
          writeFileSync(path, "", { flag: "wx" });
        } catch (cause) {
          throw new ServeError(`${path} cannot be created: ${codeOf(cause)}`, { cause });
        }
        isOurs = true;
        continue;
      }
      // A server that was killed left the mount, and the file below it.
      const isStale = isMounted(host, path) && !(error instanceof ServeError);
      if (!isStale || host.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0) throw error;
      isOurs = true;
    }
  }
}

/**
 * Opens a name without following a link, and without opening the file itself: from here on the descriptor always refers
 * to the same file.
 */
function hold(host: ServerHost, path: string): number {
  const fd = host.open(path, O_PATH | constants.O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) throw new ServeError(`${path} cannot be reached: ${errnoName(-fd)}`);
  return fd;
}

/** Mounts on the same file that was checked before. */
function mountOn(host: ServerHost, path: string, { inode }: Below, source: string, options: string): void {
  const below = hold(host, path);
  try {
    const target = `/proc/self/fd/${below}`;
    if (lstatSync(path, { bigint: true }).ino !== inode)
      throw new ServeError(`${path} was replaced while it was being mounted`);
    const result = host.mount(source, target, TYPE, MS_NOSUID | MS_NODEV | MS_NOEXEC, options);
    if (result >= 0) return;
    const hint =
      result === -errnos.EPERM ? "; it requires root, or a namespace of your own: `cryptodev serve -- program`" : "";
    throw new ServeError(`${path} cannot be mounted: ${errnoName(-result)}${hint}`);
  } finally {
    host.close(below);
  }
}

/**
 * Opens a transport that serves a regular file, which is a file system of its own. It works wherever FUSE does; in a
 * user namespace it needs no privileges.
 *
 * @throws {ServeError} if `/dev/fuse` cannot be opened, or the path cannot be mounted on
 */
export function openFuse(host: ServerHost, wanted: string): Transport {
  const folder = realpathSync(dirname(wanted));
  requireTrusted(folder);
  const path = join(folder, basename(wanted));
  const fd = host.open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) throw new ServeError(`/dev/fuse cannot be opened: ${errnoName(-fd)}; ${fuseHints[-fd] ?? "see fuse(4)"}`);
  const mark = newMark();
  let guard: Guard | undefined;
  let served = -1;
  try {
    const below = prepare(host, path);
    guard = new Guard({ path, mark, created: below.isOurs ? [{ path, inode: below.inode }] : [] });
    const owner = `user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0}`;
    mountOn(host, path, below, mark, `fd=${fd},rootmode=100666,${owner},allow_other,default_permissions`);
  } catch (error) {
    host.close(fd);
    void guard?.cleanUp();
    throw error;
  }
  return {
    name: "fuse",
    fd,
    async settle() {
      served = hold(host, path);
    },
    knockAt: () => (served < 0 ? path : `/proc/self/fd/${served}`),
    async remove() {
      if (served >= 0) host.close(served);
      served = -1;
      await (guard as Guard).cleanUp();
    },
  };
}

const fuseHints: Readonly<Record<number, string>> = {
  [errnos.ENOENT]:
    "this system does not have FUSE: load its module with `modprobe fuse`, or in a container, give it /dev/fuse",
  [errnos.ENODEV]: "load its module with `modprobe fuse`",
  [errnos.EACCES]: "this user may not open it: run as root, or `chmod 666 /dev/fuse`, the mode on most systems",
  [errnos.EPERM]: "this container may not open it: give it /dev/fuse",
};
