import { type ChildProcess, spawn } from "node:child_process";

/*
 * Reads until the other end of its standard input is gone, which happens when we say so and however else we end. It is
 * deaf to what a terminal sends to all of its programs. By then the path may name something else: it unmounts only what has
 * our mark, wherever the kernel says that this is and with nothing mounted over it, and removes only the file that we made.
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

/** What a guard looks after. */
export interface Guarded {
  readonly path: string;
  /** What is mounted there has this as its source in `/proc/self/mountinfo`. */
  readonly mark: string;
  /** The file below it, to be removed; `undefined` if it was there before. */
  readonly inode: bigint | undefined;
}

/** A process that unmounts a path after us, whatever becomes of us: a killed server cannot do it itself. */
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

  /** Has it done now. */
  async cleanUp(): Promise<void> {
    this.#process.ref();
    this.#process.stdin?.end();
    await this.#ended;
  }
}
