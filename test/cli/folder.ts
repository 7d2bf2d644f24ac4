import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { command } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";

/** The result of a command, with its output as bytes. */
export interface CommandEnding {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const library = fileURLToPath(new URL("../../packages/cryptodev", import.meta.url));

/** The `package.json` of a folder with this library. Its test script hashes this file. */
export const manifest: string = JSON.stringify({
  private: true,
  type: "module",
  scripts: { test: "cryptodev dgst sha256 package.json" },
});

/** A temporary folder that is removed after the test, or after the test file. The command `cryptodev` runs in it, with the software device. */
export class Folder {
  readonly path: string = temporaryFolder("cli");
  readonly #inputs: string = temporaryFolder("input");

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(join(this.path, name), content);
    return name;
  }

  read(name: string): Buffer {
    return readFileSync(join(this.path, name));
  }

  get names(): string[] {
    return readdirSync(this.path).sort();
  }

  /** Writes an executable shell script. */
  writeProgram(name: string, code: string): void {
    chmodSync(join(this.path, this.write(name, `#!/bin/sh\n${code}\n`)), 0o755);
  }

  /** Installs the library and its command, run by this runtime, where npm puts them. */
  install(): void {
    mkdirSync(join(this.path, "node_modules/.bin"), { recursive: true });
    symlinkSync(library, join(this.path, "node_modules/cryptodev"));
    // The measurements of `speed` do not matter here.
    const hurry = 'case "$1" in speed) set -- "$@" --seconds 0.001 ;; esac';
    this.writeProgram("node_modules/.bin/cryptodev", `${hurry}\nexec ${quoted(command)} "$@"`);
    this.write("package.json", manifest);
  }

  /** Runs lines of a shell script until one fails, with the installed command. */
  shell(lines: readonly string[], env: Record<string, string> = {}): CommandEnding {
    const before = ['PATH="$PWD/node_modules/.bin:$PATH"', "set -e"];
    return this.run("sh", ["-c", [...before, ...lines].join("\n")], "", env);
  }

  /** The command line that runs `cryptodev`. */
  get command(): typeof command {
    return command;
  }

  /** Runs `cryptodev`. */
  cryptodev(args: readonly string[], input: string | Uint8Array = "", env: Record<string, string> = {}): CommandEnding {
    const [file, ...before] = command;
    return this.run(file, [...before, ...args], input, env);
  }

  /** Runs another command. */
  run(
    file: string,
    args: readonly string[],
    input: string | Uint8Array = "",
    env: Record<string, string> = {},
  ): CommandEnding {
    // Through a shell, with a file as input: Deno's spawnSync rewrites arguments, and hangs if a pipe is full.
    const standardInput = join(this.#inputs, "input");
    writeFileSync(standardInput, input);
    const line = `exec ${quoted([file, ...args])} < ${quoted([standardInput])}`;
    const { status, stdout, stderr, error } = spawnSync("sh", ["-c", line], {
      cwd: this.path,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 50_000,
      maxBuffer: 2 ** 26,
      env: { ...process.env, LC_ALL: "C", NO_COLOR: "1", CRYPTODEV_BACKEND: "software", ...env },
    });
    if (error !== undefined) throw error;
    return { status, stdout: Buffer.from(stdout), stderr: stderr.toString() };
  }
}

/** Quotes arguments for a shell. */
export const quoted = (args: readonly string[]): string =>
  args.map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
