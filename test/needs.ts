import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cliPath } from "./cli_path.ts";

/* What some tests need that not every machine has. `npm test` lists at its start what is missing. */

/** Something that tests need. */
interface Need {
  /** The tests that need it. */
  readonly tests: string;
  /** Why they cannot run here; `undefined` if they can. */
  missing(): string | undefined;
}

const succeeds = (file: string, ...args: readonly string[]): boolean =>
  spawnSync(file, args, { stdio: "ignore" }).status === 0;

function program(name: string, tests: string): Need {
  return {
    tests,
    missing: () => (succeeds(name, "--version") ? undefined : `this machine does not have ${name}`),
  };
}

const isRoot = process.getuid?.() === 0;

/** Whether tests reach the software device in one way: in each, unless `WAYS` selects some, as in `WAYS=process,file`. */
export const isUsed = (way: "process" | "file" | "character"): boolean =>
  process.env.WAYS?.split(",").includes(way) ?? true;

/** Why this machine cannot serve the device in one way; `undefined` if it can. */
function cannotServe(way: "file" | "character"): string | undefined {
  if (!isUsed(way)) return `WAYS is ${process.env.WAYS}`;
  if (process.platform !== "linux") return `this is ${process.platform}`;
  if (!isRoot) return "mounting requires root or `unshare -Urm npm test`";
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return "this machine does not have /dev/fuse";
  }
}

const needs = {
  KERNEL: {
    tests: "the suite on the kernel's device",
    missing: () => (existsSync("/dev/crypto") ? undefined : "this machine does not have /dev/crypto"),
  },
  FUSE: { tests: "all tests on served devices", missing: () => cannotServe("file") },
  CUSE: {
    tests: "the suite on a real character device, which `npm run test:vm` has",
    missing: () =>
      cannotServe("character") ?? (existsSync("/dev/cuse") ? undefined : "this machine does not have /dev/cuse"),
  },
  LINUX: {
    tests: "the search for keys in the memory of another process",
    missing: () => (process.platform === "linux" ? undefined : `this is ${process.platform}`),
  },
  ROOT: {
    tests: "files of other owners",
    missing: () => (isRoot ? undefined : "this user cannot create them"),
  },
  SETPRIV: {
    tests: "the command as another user",
    missing() {
      const user = ["--reuid", "1234", "--regid", "1234", "--clear-groups"];
      const files = [process.execPath, cliPath];
      return files.every((file) => succeeds("setpriv", ...user, "test", "-r", file))
        ? undefined
        : "setpriv is missing, or another user may not read the command";
    },
  },
  UNSHARE: {
    tests: "a full file system",
    missing: () => (succeeds("unshare", "-rm", "true") ? undefined : "this user may not mount one"),
  },
  STRACE: {
    tests: "the order of system calls",
    missing: () => (succeeds("strace", "true") ? undefined : "strace is missing, or may not trace"),
  },
  X64: {
    tests: "programs that call a 64-bit kernel as those of 32 bits do",
    missing: () => (process.arch === "x64" ? undefined : `this is ${process.arch}`),
  },
  CC32: {
    tests: "a program compiled for 32 bits",
    missing() {
      const input = "#include <stdio.h>\nint main(void) { return 0; }";
      const args = ["-m32", "-o", "/dev/null", "-x", "c", "-"];
      const { status } = spawnSync("cc", args, { input, stdio: ["pipe", "ignore", "ignore"] });
      return status === 0 ? undefined : "`cc -m32` does not work; install gcc-multilib";
    },
  },
  WPT: {
    tests: "the web platform's own tests of WebCrypto",
    missing: () =>
      existsSync(join(process.env.WPT ?? "", "WebCryptoAPI/digest"))
        ? undefined
        : "WPT does not name their folder; CONTRIBUTING.md says how to get them",
  },
  SCRIPT: program("script", "output on a terminal"),
  FISH: program("fish", "completion in fish"),
  ZSH: program("zsh", "completion in zsh"),
  MAN: program("man", "the format of the manual page"),
  PYTHON3: program("python3", "non-blocking descriptors"),
  OPENSSL: program("openssl", "comparisons with openssl"),
  JQ: program("jq", "an example of the command"),
  SHA256SUM: {
    tests: "comparisons with sha256sum and its siblings",
    // Before version 9, GNU treated a carriage return as part of the name.
    missing() {
      const { stdout } = spawnSync("sha256sum", ["--version"], { encoding: "utf8" });
      return /GNU coreutils\) (9|\d\d)/.test(stdout ?? "") ? undefined : "GNU coreutils 9 is not installed";
    },
  },
} satisfies Readonly<Record<string, Need>>;

/** Whether a `REQUIRE_` variable forbids skipping tests for something that this machine does not have. */
export function isRequired(name: string): boolean {
  return (process.env[`REQUIRE_${name}`] ?? "") !== "";
}

/**
 * Whether the tests that need something run: if this machine has it, or if its `REQUIRE_` variable is set; they then
 * fail.
 */
export const can = (name: keyof typeof needs): boolean => isRequired(name) || needs[name].missing() === undefined;

/** What is skipped on this machine, and why, in lines. */
export const skipped = (): readonly string[] =>
  Object.entries(needs).flatMap(([name, need]) => {
    const why = isRequired(name) ? undefined : need.missing();
    return why === undefined ? [] : [`skipped: ${need.tests}, because ${why} (REQUIRE_${name}=1 makes that a failure)`];
  });
