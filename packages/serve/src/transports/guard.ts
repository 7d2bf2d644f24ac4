import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { lstatSync } from "node:fs";

/*
 * Reads until the other end of its standard input is closed, which happens when the server asks for it and however else
 * the server ends. It ignores the signals that a terminal sends to all of its programs. By then a path may name
 * something else. So it unmounts only what has the server's mark, at the places that the kernel reports, and only if
 * nothing is mounted over it; and it removes only files and folders that the server created, and that are empty.
 */
const script = `
trap '' INT TERM HUP QUIT
set -f
mark=$2
shift 2
# The kernel writes spaces and similar characters as three octal digits, which the format of printf also is.
decode() { printf "$(printf %s "$1" | sed 's/%/%%/g')"; }
while read -r line; do :; done
points=
while read -r id parent device root point rest; do
  case " $rest " in *" - fuse.cryptodev"*" $mark "*) points="$points $point" ;; esac
done < /proc/self/mountinfo
for at in $points; do
  top=
  while read -r id parent device root point rest; do
    [ "$point" = "$at" ] && top=$rest
  done < /proc/self/mountinfo
  case " $top " in *" - fuse.cryptodev"*" $mark "*) path=$(decode "$at"; echo x); umount -l "\${path%x}" 2>/dev/null ;; esac
done
while [ $# -gt 1 ]; do
  found=
  for word in $(ls -di "$1" 2>/dev/null); do found=$word; break; done
  if [ "$found" != "$2" ]; then :
  elif [ -L "$1" ]; then rm -f "$1"
  elif [ -d "$1" ]; then rmdir "$1" 2>/dev/null
  elif [ ! -s "$1" ]; then rm -f "$1"
  fi
  shift 2
done
`;

/** A file or folder that a server has created. */
export interface Created {
  readonly path: string;
  readonly inode: bigint;
}

/** Remembers a file or folder that has just been created. */
export function created(path: string): Created {
  return { path, inode: lstatSync(path, { bigint: true }).ino };
}

/** What a guard cleans up. */
export interface Guarded {
  /** What the list of processes shows. */
  readonly path: string;
  /** The source of the mounts, as `/proc/self/mountinfo` shows it. */
  readonly mark: string;
  /** What is to be removed after that, in this order. */
  readonly created: readonly Created[];
}

/** Returns a unique name for the source of a mount. */
export function newMark(): string {
  return `cryptodev-${randomBytes(8).toString("hex")}`;
}

/** A process that unmounts what a server has mounted after it has ended, however it ended: a killed server cannot. */
export class Guard {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  constructor({ path, mark, created }: Guarded) {
    const pairs = created.flatMap(({ path, inode }) => [path, String(inode)]);
    this.#process = spawn("sh", ["-c", script, "cryptodev-guard", path, mark, ...pairs], {
      stdio: ["pipe", "ignore", "ignore"],
      cwd: "/",
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once("close", () => resolve());
      this.#process.once("error", () => resolve());
    });
    this.#process.unref();
  }

  /** Cleans up now. */
  async cleanUp(): Promise<void> {
    this.#process.ref();
    this.#process.stdin?.end();
    await this.#ended;
  }
}
