import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, difference, ratio, summarize } from "../statistics.ts";

const TURNS = 15;
/** Processes in each turn, because the CPU time of a process is counted in hundredths of a second by some shells. */
const PROCESSES = 10;

/** Packs the package as it is published, and installs it. @returns the folder of the installation */
function install(work: string): string {
  const folder = join(work, "installed");
  mkdirSync(folder);
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: Bench.file("../../packages/cryptodev/npm"),
    stdio: "ignore",
  });
  const [tarball = ""] = readdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  const flags = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  execFileSync("npm", ["install", ...flags, `./${tarball}`], { cwd: folder, stdio: "ignore" });
  return folder;
}

/** @returns the CPU time of a process that runs a command, in milliseconds */
function cpuOf(cwd: string, command: readonly string[]): number {
  const turns = Array.from({ length: PROCESSES }, () => '"$@" > "/dev/null"').join("; ");
  const text = execFileSync("sh", ["-c", `${turns}; times`, "sh", ...command], { cwd, encoding: "utf8" });
  // The second line is the time of the shell's children: that of programs, and that of the kernel for them.
  const times =
    text
      .trim()
      .split("\n")[1]
      ?.matchAll(/(\d+)m([\d.]+)s/g) ?? [];
  const seconds = [...times].reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0);
  return (seconds * 1000) / PROCESSES;
}

/** Measures the CPU time of imports and of the command, compared with that of a process that does nothing. */
export async function startUp(bench: Bench, add: (row: Row) => void): Promise<void> {
  const folder = install(bench.work);
  const importing = (name: string) => [
    "--input-type=module",
    "-e",
    name === "" ? "" : `import ${JSON.stringify(name)}`,
  ];
  for (const { name: who, command } of bench.runtimes.filter((runtime) => runtime.name.startsWith("Node.js"))) {
    const programs = {
      nothing: importing(""),
      cryptodev: importing("cryptodev"),
      crypto: importing("cryptodev/crypto"),
      script: ["-e", "0"],
      version: [join(folder, "node_modules/cryptodev/bin/cryptodev.mjs"), "--version"],
    };
    const times = { nothing: [], cryptodev: [], crypto: [], script: [], version: [] } as Record<
      keyof typeof programs,
      number[]
    >;
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const name of Object.keys(programs) as (keyof typeof programs)[]) {
        times[name].push(cpuOf(folder, [command[0] as string, ...programs[name]]));
      }
    }
    for (const [what, name, most] of [
      ['import "cryptodev", CPU time', "cryptodev", 20],
      ['import "cryptodev/crypto", CPU time', "crypto", 30],
    ] as const) {
      const { median: value } = compare(times[name], times.nothing, difference);
      add({ what, who, value, unit: "ms", spread: summarize(times[name]).spread, limit: { most } });
    }
    const { median: value, spread } = compare(times.version, times.script, ratio);
    add({ what: "cryptodev --version, CPU time / node -e 0", who, value, unit: "x", spread, limit: { most: 1.5 } });
  }
}
