import { lstatSync, readFileSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { ServeError } from "../serve_error.ts";

const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

/** The owner that is shown for users that a user namespace does not map (user_namespaces(7)). */
const OVERFLOW_UID = 65534;

function isInitialNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
}

/** Whether the owner is another user, who is neither root nor outside of this namespace. */
export function isForeign({ uid }: Pick<Stats, "uid">): boolean {
  if (uid === 0 || uid === process.getuid?.()) return false;
  return uid !== OVERFLOW_UID || isInitialNamespace();
}

/**
 * Checks, if this process is root, that nobody else can replace a folder, or a file that root creates in it. A mount is
 * removed by its path, and by then a replaced path could lead anywhere.
 *
 * @param folder - a path without symbolic links
 * @throws {ServeError} if another user owns or can write to the folder or one above it
 */
export function requireTrusted(folder: string): void {
  if (process.getuid?.() !== 0) return;
  for (let at = folder; ; at = dirname(at)) {
    const stats = lstatSync(at);
    const remedy = "as root, serve in a folder that belongs to root, such as /run, or in /tmp";
    if (isForeign(stats)) throw new ServeError(`${at} belongs to another user (uid ${stats.uid}); ${remedy}`);
    if ((stats.mode & WRITABLE_BY_OTHERS) !== 0 && (stats.mode & STICKY) === 0) {
      throw new ServeError(`${at} can be written by other users, who could replace what is in it; ${remedy}`);
    }
    if (at === dirname(at)) return;
  }
}
