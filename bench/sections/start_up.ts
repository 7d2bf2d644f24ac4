import { execFileSync } from "node:child_process";
import { Bench } from "../bench.ts";
import type { Row } from "../report.ts";
import { compare, difference, summarize } from "../statistics.ts";

const TURNS = 41;

/** Measures the CPU time of an import, beyond that of a process that does nothing. */
export async function startUp(bench: Bench, add: (row: Row) => void): Promise<void> {
  for (const { name, command } of bench.runtimes.filter((runtime) => runtime.name.startsWith("Node.js"))) {
    const cpuOf = (code: string): number => {
      const program = `${code}; const { user, system } = process.cpuUsage(); console.log((user + system) / 1000)`;
      const args = [...command.slice(1), "--input-type=module", "-e", program];
      return Number(execFileSync(command[0] as string, args, { cwd: Bench.file("..") }));
    };
    const [nothing, imports]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn += 1) {
      nothing.push(cpuOf(""));
      imports.push(cpuOf('await import("cryptodev")'));
    }
    const { median: value } = compare(imports, nothing, difference);
    const { spread } = summarize(imports);
    add({ what: 'import "cryptodev", CPU time', who: name, value, unit: "ms", spread, limit: { most: 60 } });
  }
}
