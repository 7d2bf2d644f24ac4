/*
 * Measures us beside C: `npm run bench [-- options]`. The participants take turns, a round each, so that what disturbs
 * one disturbs all; what counts is the ratio of the medians. `--check` compares with the limits that we set ourselves.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Server } from "@cryptodev/serve";
import { Participant } from "./participant.ts";
import { type Summary, summarize } from "./statistics.ts";

const { values: flags } = parseArgs({
  options: {
    /** The device to measure on; one that is served for the occasion if left out. */
    path: { type: "string" },
    rounds: { type: "string", default: "15" },
    check: { type: "boolean", default: false },
    /** Where to write all numbers. */
    json: { type: "string" },
  },
});
const ROUNDS = Number(flags.rounds);
/** Nanoseconds that a round should take. */
const DURATION = 2e7;

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const bin = (runtime: string) => here(`../../node_modules/.bin/${runtime}`);
const runtimes = {
  "Node.js": [process.execPath],
  Deno: [bin("deno"), "run", "-A"],
  Bun: [bin("bun")],
} as const;
type RuntimeName = keyof typeof runtimes;
const names = Object.keys(runtimes) as RuntimeName[];

const work = mkdtempSync(join(tmpdir(), "cryptodev-bench-"));

/** One row of the results. */
interface Row {
  readonly what: string;
  readonly who: string;
  readonly value: number;
  readonly unit: string;
  readonly spread: number;
  /** What it should be at most, or at least. */
  readonly limit?: { readonly most: number } | { readonly least: number };
}
const rows: Row[] = [];

function report(row: Row): void {
  rows.push(row);
  const { what, who, value, unit, spread, limit } = row;
  const wanted = limit === undefined ? "" : "most" in limit ? `at most ${limit.most}` : `at least ${limit.least}`;
  const verdict = limit === undefined ? "" : holds(row) ? "holds" : "DOES NOT HOLD";
  const columns = [
    what.padEnd(46),
    who.padEnd(8),
    `${value.toFixed(unit === "x" ? 2 : 1)} ${unit}`.padStart(12),
    `±${(spread * 100).toFixed(0)} %`.padStart(7),
  ];
  console.log(`${columns.join(" ")}  ${wanted.padEnd(14)} ${verdict}`.trimEnd());
}

function holds({ value, limit }: Row): boolean {
  if (limit === undefined) return true;
  return "most" in limit ? value <= limit.most : value >= limit.least;
}

/** Rounds of one case, in turns. @returns for each participant, in their order */
async function interleave(
  participants: readonly Participant[],
  name: string | readonly string[],
  size: number,
): Promise<Summary[]> {
  const nameOf = (index: number): string => (typeof name === "string" ? name : (name[index] as string));
  // Warm, and find out how many operations make a round.
  const counts: number[] = [];
  for (const [index, participant] of participants.entries()) {
    const first = await participant.round(nameOf(index), size, 200);
    const second = await participant.round(
      nameOf(index),
      size,
      Math.max(50, Math.min(200_000, Math.ceil(DURATION / first))),
    );
    counts.push(Math.max(20, Math.ceil(DURATION / second)));
  }
  const results = participants.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, participant] of participants.entries()) {
      results[index]?.push(await participant.round(nameOf(index), size, counts[index] as number));
    }
  }
  return results.map(summarize);
}

function compile(): string {
  const program = join(work, "client");
  execFileSync("cc", ["-O2", "-pthread", "-o", program, here("../programs/client.c")]);
  return program;
}

function startAll(program: string, path?: string): Promise<Participant[]> {
  const more = path === undefined ? [] : [path];
  return Promise.all([
    Participant.start("C", [program, ...more]),
    ...names.map((name) => Participant.start(name, [...runtimes[name], here("client.js"), ...more])),
  ]);
}

/** The price of a call above C, with a kernel that does nothing. */
async function calls(program: string): Promise<void> {
  const all = await startAll(program);
  const [c, ...ours] = await interleave(all, "call", 16);
  const reportAbove = (what: string, summaries: readonly Summary[], limits?: Readonly<Record<RuntimeName, number>>) => {
    for (const [index, name] of names.entries()) {
      const { median, spread } = summaries[index] as Summary;
      const limit = limits === undefined ? {} : { limit: { most: limits[name] } };
      report({ what, who: name, value: median - (c as Summary).median, unit: "ns", spread, ...limit });
    }
  };
  report({
    what: "ioctl on a pipe",
    who: "C",
    value: (c as Summary).median,
    unit: "ns",
    spread: (c as Summary).spread,
  });
  const nodeFfi = Number(process.versions.node.split(".")[0]) >= 26;
  const most: Record<RuntimeName, number> = { "Node.js": nodeFfi ? 40 : 120, Deno: 40, Bun: 25 };
  reportAbove("encryptInto above C, memory reused", ours, most);
  const participants = all.slice(1);
  reportAbove("encryptInto above C, fresh views", await interleave(participants, "fresh", 16));
  for (const participant of participants) {
    await participant.round("heap", 16, 1_000_000);
    const grown = await participant.round("heap", 16, 1_000_000);
    const limit = { most: 1 };
    report({
      what: "heap after 1,000,000 operations",
      who: participant.name,
      value: grown / 1e6,
      unit: "B/op",
      spread: 0,
      limit,
    });
  }
  for (const participant of all) participant.stop();
}

/** The same operations on the same device, by C and by us. */
async function endToEnd(program: string, path: string): Promise<void> {
  const all = await startAll(program, path);
  const answers = new Set<number>();
  for (const participant of all) answers.add(await participant.round("verify", 65536, 1));
  if (answers.size !== 1) throw new Error(`the participants do not encrypt alike: ${[...answers].join(", ")}`);
  for (const size of [16, 256, 4096, 65536, 2 ** 20]) {
    const [c, ...ours] = await interleave(all, "encrypt", size);
    const base = (c as Summary).median;
    report({
      what: `AES-128-CBC of ${size} bytes`,
      who: "C",
      value: base / 1000,
      unit: "us",
      spread: (c as Summary).spread,
    });
    for (const [index, name] of names.entries()) {
      const { median, spread } = ours[index] as Summary;
      const limit = { least: 0.98 };
      report({
        what: `AES-128-CBC of ${size} bytes, throughput of C`,
        who: name,
        value: base / median,
        unit: "x",
        spread,
        limit,
      });
    }
  }
  const [c, ...ours] = await interleave(all, "session", 0);
  for (const [index, name] of names.entries()) {
    const { median, spread } = ours[index] as Summary;
    const value = (median - (c as Summary).median) / 1000;
    report({ what: "a session above C", who: name, value, unit: "us", spread, limit: { most: 20 } });
  }
  for (const participant of all) participant.stop();
}

/** The software device in process, beside node:crypto in the same runtime. */
async function software(): Promise<void> {
  for (const name of names) {
    const one = await Participant.start(name, [...runtimes[name], here("client.js")]);
    for (const algorithm of ["cbc", "gcm", "sha256"]) {
      for (const size of [64, 4096, 65536]) {
        const [ours, direct] = await interleave([one, one], [`soft-${algorithm}`, `node-${algorithm}`], size);
        const [{ median, spread }, base] = [ours as Summary, direct as Summary];
        const limit = { most: size === 64 ? 3 : 1.25 };
        report({
          what: `software ${algorithm} of ${size} bytes, time of node:crypto`,
          who: name,
          value: median / base.median,
          unit: "x",
          spread,
          limit,
        });
      }
    }
    one.stop();
  }
}

/** A round trip to our server, beside one to a server that does nothing. */
async function server(program: string): Promise<void> {
  for (const name of names) {
    const [ours, empty] = [join(work, `ours-${name}`), join(work, `empty-${name}`)];
    const cli = here("../../packages/cryptodev/dist/cli/main.js");
    const serving = [
      spawn(runtimes[name][0], [...runtimes[name].slice(1), cli, "serve", ours], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
      spawn(runtimes[name][0], [...runtimes[name].slice(1), here("empty_server.js"), empty], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    ];
    await Promise.all(serving.map((child) => once(child.stdout, "data")));
    const participants = await Promise.all([
      Participant.start("ours", [program, ours]),
      Participant.start("empty", [program, empty]),
    ]);
    const [pinged, base] = await interleave(participants, "ping", 0);
    const [encrypted] = await interleave(participants.slice(0, 1), "encrypt", 16);
    const nothing = (base as Summary).median;
    report({
      what: "round trip to an empty file server",
      who: name,
      value: nothing / 1000,
      unit: "us",
      spread: (base as Summary).spread,
    });
    report({
      what: "ours, for a call that it refuses",
      who: name,
      value: (pinged as Summary).median / nothing,
      unit: "x",
      spread: (pinged as Summary).spread,
      limit: { most: 1.5 },
    });
    report({
      what: "ours, to encrypt 16 bytes",
      who: name,
      value: (encrypted as Summary).median / nothing,
      unit: "x",
      spread: (encrypted as Summary).spread,
    });
    for (const participant of participants) participant.stop();
    spawnSync("umount", ["-l", empty]);
    serving[0]?.kill("SIGTERM");
    await Promise.all(serving.map((child) => (child.exitCode === null ? once(child, "close") : undefined)));
  }
}

/** What importing costs, in CPU time of a process that does nothing else. */
function startUp(): void {
  const cpuOf = (code: string): number => {
    const times = Array.from({ length: ROUNDS }, () => {
      const program = `${code}; const { user, system } = process.cpuUsage(); console.log((user + system) / 1000)`;
      return Number(execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: here("..") }));
    });
    return summarize(times).median;
  };
  const value = cpuOf('await import("cryptodev")') - cpuOf("");
  report({ what: 'import "cryptodev", CPU time', who: "Node.js", value, unit: "ms", spread: 0, limit: { most: 60 } });
}

const versions = Object.fromEntries(
  names.map((name) => [name, execFileSync(runtimes[name][0], ["--version"], { encoding: "utf8" }).split("\n")[0]]),
);
const machine = `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} CPUs, Linux ${release()}`;
console.log(`${machine}; ${names.map((name) => versions[name]).join(", ")}; ${ROUNDS} rounds`);

const program = compile();
let status = 0;
try {
  await calls(program);
  await software();
  startUp();
  if (flags.path === undefined) {
    const served = await Server.start({ path: join(work, "crypto") });
    await endToEnd(program, served.path);
    await served.stop();
    await server(program);
  } else await endToEnd(program, flags.path);
} finally {
  if (existsSync(work)) rmSync(work, { recursive: true, force: true });
}
if (flags.json !== undefined) {
  mkdirSync(join(flags.json, ".."), { recursive: true });
  writeFileSync(
    flags.json,
    `${JSON.stringify({ date: new Date().toISOString(), machine, versions, rows }, null, 2)}\n`,
  );
}
const broken = rows.filter((row) => !holds(row));
console.log(
  `\n${rows.filter(({ limit }) => limit !== undefined).length - broken.length} limits hold, ${broken.length} do not`,
);
if (flags.check && broken.length > 0) status = 1;
process.exit(status);
