import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The root of this repository. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));
/** The package that npm publishes, as the build wrote it. */
export const published: string = join(root, "packages/cryptodev/npm");

/**
 * Runs npm.
 *
 * @returns its standard output
 */
export function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

/** The packed package, installed as a user installs it: in a folder of their own, outside this repository. */
export class Installed {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Packs and installs the package, and copies the test programs next to it.
   *
   * @param flags - further arguments of `npm install`
   */
  static make(...flags: string[]): Installed {
    const installed = new Installed(mkdtempSync(join(tmpdir(), "cryptodev-install-")));
    const { folder } = installed;
    npm(published, "pack", "--pack-destination", folder);
    const packed = readdirSync(folder).map((name) => `./${name}`);
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    installed.add("--ignore-scripts", ...flags, ...packed);
    for (const name of ["consumer.mjs", "switched.mjs", "unchanged.mjs"]) {
      copyFileSync(join(root, "test/install", name), join(folder, name));
    }
    copyFileSync(join(folder, "consumer.mjs"), join(folder, "consumer.ts"));
    return installed;
  }

  /** Installs further packages into the same folder. */
  add(...args: string[]): void {
    npm(this.folder, "install", "--prefer-offline", "--no-audit", "--no-fund", ...args);
  }

  /** Runs a command in the folder. */
  run(file: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return this.runIn({}, file, ...args);
  }

  /** Runs a command in the folder, with additional environment variables. */
  runIn(
    variables: Readonly<Record<string, string>>,
    file: string,
    ...args: string[]
  ): { status: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, NO_COLOR: "1", ...variables };
    const { status, stdout, stderr } = spawnSync(file, args, { cwd: this.folder, env, encoding: "utf8" });
    return { status, stdout, stderr };
  }

  /**
   * Runs a command with a pipe as its standard input.
   *
   * @returns the JSON that it prints
   */
  runPiped(file: string, ...args: string[]): unknown {
    const { stdout, stderr } = this.run("sh", "-c", ': | "$0" "$@"', file, ...args);
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What `switched.mjs` prints if all threads are switched over. */
export const allSwitched: object = {
  main: true,
  isOneObject: true,
  isOneClass: true,
  resolved: "crypto",
  script: true,
  module: true,
  url: true,
  text: true,
  strict: true,
  sloppy: false,
  importing: true,
  nested: true,
  web: ["early", true],
};

/** Returns what `consumer.mjs` prints in a runtime, such as `Deno 2`. */
export function report(runtime: string, arch: string = process.arch): object {
  // ENOENT from open(), ENOTTY from ioctl(), and no error from close().
  const libc = "-2,-25,0";
  const isIn = (name: string): string => (runtime.startsWith(name) ? libc : "UnsupportedError");
  return {
    runtime,
    arch,
    ciphertext: "7649abac8119b246cee98e9b12e9197d",
    digest: "a9993e364706816aba3e25717850c26c9cd0d89d",
    subtleDigest: "a9993e364706816aba3e25717850c26c9cd0d89d",
    registeredDigest: "a9993e364706816aba3e25717850c26c9cd0d89d",
    libcs: [libc, isIn("Deno"), isIn("Bun")],
    isSwitched: true,
    request: "c0306366",
    software: 0,
    server: "ENOENT",
  };
}
