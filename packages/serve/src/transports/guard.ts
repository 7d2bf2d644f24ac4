import { type ChildProcess, spawn } from "node:child_process";

/*
 * Reads until the other end of its standard input is closed, which happens when the server asks for it and however else
 * the server ends. It ignores the signals that a terminal sends to all of its programs. By then the path may name
 * something else. So it unmounts only what has the server's mark, at the place that the kernel reports, and only if
 * nothing is mounted over it; and it removes only the file that the server created.
 */
const script = `
trap '' INT TERM HUP QUIT
path=$1 mark=$2 inode=$3
while read -r line; do :; done
at= top=
while read -r id parent device root point rest; do
  case " $rest " in *" - fuse.cryptodev $mark "*) at=$point ;; esac
  [ "$point" = "$at" ] && top=$rest
done < /proc/self/mountinfo
case " $top " in *" - fuse.cryptodev $mark "*) umount -l "$(printf %b "$at")" 2>/dev/null ;; esac
[ -n "$inode" ] && [ -f "$path" ] && [ ! -s "$path" ] && [ ! -L "$path" ] || exit
set -- $(ls -di "$path")
[ "$1" = "$inode" ] && rm -f "$path"
`;

/** What a guard cleans up. */
export interface Guarded {
  readonly path: string;
  /** The source of the mount, as `/proc/self/mountinfo` shows it. */
  readonly mark: string;
  /** The file below the mount, to be removed; `undefined` if the server did not create it. */
  readonly inode: bigint | undefined;
}

/** A process that unmounts a path after the server has ended, however it ended: a killed server cannot do so itself. */
export class Guard {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  constructor({ path, mark, inode }: Guarded) {
    this.#process = spawn("sh", ["-c", script, "cryptodev-guard", path, mark, String(inode ?? "")], {
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
