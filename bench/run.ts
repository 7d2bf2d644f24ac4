/*
 * Compares us with C: `npm run bench [-- options]`. The participants take turns, a round each, so that a disturbance
 * affects all of them; what counts is the ratio of the medians. `--check` compares the results with our limits.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { Bench, type Runtime, stop } from "./bench.ts";
import { callsPicture, throughputPicture } from "./chart.ts";
import { Report, type Row } from "./report.ts";
import { asynchronous } from "./sections/async.ts";
import { calls } from "./sections/calls.ts";
import { dropIn } from "./sections/drop_in.ts";
import { endToEnd } from "./sections/end_to_end.ts";
import { oneThread, sessions, threads } from "./sections/scale.ts";
import { server } from "./sections/server.ts";
import { software } from "./sections/software.ts";
import { startUp } from "./sections/start_up.ts";
import { webcrypto } from "./sections/webcrypto.ts";

const { values: flags } = parseArgs({
  options: {
    /** The device to measure on; defaults to one that is served for the run. */
    path: { type: "string" },
    /** Another Node.js to measure. */
    node: { type: "string", multiple: true, default: [] },
    /** Sections to measure, by the first word of their titles; defaults to all. */
    only: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "51" },
    /** Fails if a limit does not hold. */
    check: { type: "boolean", default: false },
    /** Writes all numbers to this file. */
    json: { type: "string" },
    /** Writes the measured sections to RESULTS.md, and draws the pictures of the documentation. */
    save: { type: "boolean", default: false },
  },
});

const versionOf = (file: string): string =>
  /\d+\.\d+\.\d+/.exec(execFileSync(file, ["--version"], { encoding: "utf8" }))?.[0] ?? "";
const bin = (runtime: string): string => Bench.file(`../../node_modules/.bin/${runtime}`);
const runtimes: Runtime[] = [
  ...[process.execPath, ...flags.node].map((file) => ({
    name: `Node.js ${versionOf(file)}`,
    command: [file, "--expose-gc"],
  })),
  { name: `Deno ${versionOf(bin("deno"))}`, command: [bin("deno"), "run", "-A", "--v8-flags=--expose-gc"] },
  { name: `Bun ${versionOf(bin("bun"))}`, command: [bin("bun")] },
];
const compiler = execFileSync("cc", ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "";
const report = new Report(
  `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} CPUs, Linux ${release()}`,
  [...runtimes.map(({ name }) => name), compiler, `${flags.rounds} rounds`].join(", "),
);
console.log(`${report.machine}; ${report.versions}`);

try {
  // Every process that is started from here inherits the priority.
  setPriority(-20);
} catch {}
const work = mkdtempSync(join(tmpdir(), "cryptodev-bench-"));
const titles: string[] = [];
try {
  const program = join(work, "client");
  execFileSync("cc", ["-O2", "-pthread", "-o", program, Bench.file("../programs/client.c")], { stdio: "inherit" });
  const bench = new Bench(runtimes, program, work, Number(flags.rounds));
  const device = flags.path ?? "a served device";
  /** Measures on the device at `--path`, or on one that is served for the run. */
  const on = (
    prefix: readonly string[],
    measure: (bench: Bench, path: string, add: (row: Row) => void) => Promise<void>,
  ) => {
    return async (add: (row: Row) => void): Promise<void> => {
      if (flags.path !== undefined) return measure(bench, flags.path, add);
      const path = join(work, "crypto");
      const serving = await bench.serveDevice(prefix, runtimes[0] as Runtime, path);
      await measure(bench, path, add);
      await stop(serving);
    };
  };
  const sections: [title: string, measure: Parameters<Report["section"]>[1]][] = [
    ["Calls, with a kernel that does nothing", (add) => calls(bench, add)],
    ["Software device in process", (add) => software(bench, add)],
    [`End to end on ${device}`, on(bench.together, endToEnd)],
    [`Sessions, on ${device}`, on(bench.together, sessions)],
    [`Threads, on ${device}`, on([], threads)],
    [`One thread, on ${device}`, on(bench.together, oneThread)],
    [`Drop-in, on ${device} and in process`, on(bench.together, dropIn)],
    ["Asynchronous operations, on the software device", (add) => asynchronous(bench, add)],
    ["WebCrypto", (add) => webcrypto(bench, add)],
    ["Server", (add) => server(bench, add)],
    ["Import, and start of the command", (add) => startUp(bench, add)],
  ];
  const isAsked = (title: string): boolean =>
    flags.only.length === 0 || flags.only.some((word) => title.toLowerCase().startsWith(word.toLowerCase()));
  for (const [title, measure] of sections) {
    titles.push(title);
    if (isAsked(title)) await report.section(title, measure);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

if (flags.json !== undefined) report.writeJson(flags.json);
if (flags.save) {
  const file = Bench.file("../RESULTS.md");
  report.writeMarkdown(file, titles);
  execFileSync(bin("biome"), ["format", "--write", file]);
  const pictures = { calls: callsPicture(report.sections), throughput: throughputPicture(report.sections) };
  for (const [name, picture] of Object.entries(pictures)) {
    if (picture !== undefined) writeFileSync(Bench.file(`../../docs/public/benchmark-${name}.svg`), picture);
  }
}
const limits = report.rows.filter(({ limit }) => limit !== undefined).length;
console.log(`\n${limits - report.broken.length} limits hold, ${report.broken.length} do not`);
process.exit(flags.check && report.broken.length > 0 ? 1 : 0);
