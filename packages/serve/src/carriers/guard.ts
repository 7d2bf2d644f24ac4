import { type ChildProcess, spawn } from "node:child_process";

/*
 * Reads until the other end of its standard input is gone, which happens when we say so and however else we end. It is
 * deaf to what a terminal sends to all of its programs.
 */
const script = `
trap '' INT TERM HUP QUIT
while read -r line; do :; done
umount -l "$1" 2>/dev/null
if [ "$2" = ours ] && [ -f "$1" ] && [ ! -s "$1" ]; then rm -f "$1"; fi
`;

/** A process that unmounts a path after us, whatever becomes of us: a killed server cannot do it itself. */
export class Guard {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  /** @param isOurs - whether to remove the file that was mounted on */
  constructor(path: string, isOurs: boolean) {
    this.#process = spawn("sh", ["-c", script, "cryptodev-guard", path, isOurs ? "ours" : "theirs"], {
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
