import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cliPath } from "./cli_path.ts";
import { runtimeName } from "./runtime.ts";

/** How a program ended. */
export interface Ending {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a child process. */
export interface ChildOptions {
  /** Deno's permission flags; defaults to all. Other runtimes have no permissions. */
  readonly permissions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The folder of the program, from which its imports are resolved; defaults to this workspace. */
  readonly folder?: string;
  /** Whether `node:crypto` runs on the device, through the command of the README. */
  readonly isSwitched?: boolean;
  /** Whether `crypto.subtle` runs on the device, through the command of the guide. */
  readonly isSubtleSwitched?: boolean;
  /** Whether the program gets a served device, as its `/dev/crypto`. */
  readonly isServed?: boolean;
}

/** Returns the flags that load a module first. */
function preload(name: "register-crypto" | "register-webcrypto"): readonly string[] {
  if (runtimeName === "Deno") return ["--preload", `./node_modules/cryptodev/dist/${name.replace("-", "_")}.js`];
  return [runtimeName === "Node.js" ? "--import" : "--preload", `cryptodev/${name}`];
}

const root = fileURLToPath(new URL("../", import.meta.url));
const workspace = fileURLToPath(new URL(".programs/", import.meta.url));

/** Runs a program as a user of this runtime does: in its own process, with the runtime's own resolution of imports. */
export function runProgram(
  code: string,
  {
    permissions = ["-A"],
    env = {},
    folder,
    isSwitched = false,
    isSubtleSwitched = false,
    isServed = false,
  }: ChildOptions = {},
): Ending {
  mkdirSync(workspace, { recursive: true });
  const own = mkdtempSync(join(folder ?? workspace, "child-"));
  try {
    const file = join(own, "program.mjs");
    writeFileSync(file, code);
    const flags = [
      ...(isSwitched ? preload("register-crypto") : []),
      ...(isSubtleSwitched ? preload("register-webcrypto") : []),
    ];
    const run = runtimeName === "Deno" ? ["run", ...permissions] : [];
    const server = isServed ? [...(runtimeName === "Deno" ? ["run", "-A"] : []), cliPath, "serve", "--"] : [];
    const args = [...server, ...(isServed ? [process.execPath] : []), ...run, ...flags, file];
    const { CRYPTODEV_BACKEND: _ours, ...inherited } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      // Preloaded modules are resolved from the working directory.
      cwd: folder ?? root,
      encoding: "utf8",
      // Some programs print more than the default of 1 MiB.
      maxBuffer: 2 ** 26,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...inherited, NO_COLOR: "1", ...env },
    });
    return { status, stdout, stderr };
  } finally {
    rmSync(own, { recursive: true });
  }
}

/** Runs a program that prints one line of JSON, and parses it. */
export function runForJson<T>(code: string, options?: ChildOptions): T {
  const { status, stdout, stderr } = runProgram(code, options);
  if (status !== 0) throw new Error(`the program ended with ${status}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as T;
}
