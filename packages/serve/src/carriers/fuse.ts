import { readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoName, errnos, type LibcHost, O_CLOEXEC, O_RDWR } from "@cryptodev/core";
import { MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID } from "../mount_flags.ts";
import { ServeError } from "../serve_error.ts";
import type { Carrier } from "./carrier.ts";
import { Guard } from "./guard.ts";

/** How our mounts are marked in `/proc/self/mountinfo`. */
const TYPE = "fuse.cryptodev";

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Whether a server of ours stands behind this path, alive or dead. */
function isMounted(path: string): boolean {
  // Spaces and the like are written in octal (proc_pid_mountinfo(5)).
  const written = path.replace(
    /[ \t\n\\]/g,
    (character) => `\\0${character.charCodeAt(0).toString(8).padStart(2, "0")}`,
  );
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === written && line.includes(` - ${TYPE} `));
}

/**
 * Makes the path a file that can be mounted on.
 *
 * @returns whether the file is ours, to be removed at the end
 */
function prepare(host: LibcHost, path: string): boolean {
  let isOurs = false;
  for (;;) {
    try {
      const stats = statSync(path);
      if (isMounted(path)) throw new ServeError(`${path} is served already`);
      if (stats.isCharacterDevice()) throw new ServeError(`${path} is a device already; serve at another path`);
      if (!stats.isFile() || stats.size > 0) throw new ServeError(`${path} is there and no empty file`);
      return isOurs;
    } catch (error) {
      if (codeOf(error) === "ENOENT") {
        try {
          writeFileSync(path, "", { flag: "wx" });
        } catch (cause) {
          throw new ServeError(`${path} cannot be made: ${codeOf(cause)}`, { cause });
        }
        return true;
      }
      // Left by a server that was killed, and with it the file below.
      const isStale = isMounted(path) && !(error instanceof ServeError);
      if (!isStale || host.umount2(path, MNT_DETACH) < 0) throw error;
      isOurs = true;
    }
  }
}

/** A file that is a file system of its own: works wherever FUSE does, in a user namespace without any privilege. */
export function openFuse(host: LibcHost, wanted: string): Carrier {
  const path = join(realpathSync(dirname(wanted)), basename(wanted));
  const fd = host.open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) throw new ServeError(`/dev/fuse cannot be opened: ${errnoName(-fd)}; ${fuseHints[-fd] ?? "see fuse(4)"}`);
  let guard: Guard | undefined;
  try {
    guard = new Guard(path, prepare(host, path));
    const owner = `user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0}`;
    const options = `fd=${fd},rootmode=100666,${owner},allow_other,default_permissions`;
    const result = host.mount("cryptodev", path, TYPE, MS_NOSUID | MS_NODEV | MS_NOEXEC, options);
    if (result < 0) {
      const hint =
        result === -errnos.EPERM ? "; it takes root, or a namespace of your own: `cryptodev serve -- program`" : "";
      throw new ServeError(`${path} cannot be mounted: ${errnoName(-result)}${hint}`);
    }
  } catch (error) {
    host.close(fd);
    void guard?.cleanUp();
    throw error;
  }
  return { name: "fuse", fd, settle: async () => {}, remove: () => (guard as Guard).cleanUp() };
}

const fuseHints: Readonly<Record<number, string>> = {
  [errnos.ENOENT]:
    "this system has no FUSE: load its module with `modprobe fuse`, or in a container, give it /dev/fuse",
  [errnos.ENODEV]: "load its module with `modprobe fuse`",
  [errnos.EACCES]: "this user may not: run as root, or `chmod 666 /dev/fuse`, as most systems have it",
  [errnos.EPERM]: "this container may not: give it /dev/fuse",
};
