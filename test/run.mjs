/*
 * Runs the whole suite in Node.js, Deno and Bun, lists what failed, and adds up the results. `node run.mjs [file...]`
 * runs only these files; `--quick` omits those that start programs or are slow, and uses only Node.js; `RUNTIMES=bun,deno`
 * uses only these runtimes; `COVERAGE=1` records coverage: see coverage/run.mjs. results/suite has the time of every file.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { partsOf } from "./coverage/parts.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bin = (runtime) => here(`../node_modules/.bin/${runtime}`);
const vitest = here("../node_modules/vitest/vitest.mjs");

const commands = {
  node: [process.execPath, vitest],
  deno: [bin("deno"), "run", "-A", vitest],
  bun: [bin("bun"), "--bun", vitest],
};
const names = { node: "Node.js", deno: "Deno", bun: "Bun" };
/** What the whole suite takes on two processors that nobody else uses. */
const minutes = { node: 4, deno: 3, bun: 3 };

const args = process.argv.slice(2);
const filters = args.filter((argument) => argument !== "--quick");
const isQuick = filters.length < args.length;
const chosen = process.env.RUNTIMES?.split(",") ?? (isQuick ? ["node"] : Object.keys(commands));
const unknown = chosen.filter((runtime) => !(runtime in commands));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}; RUNTIMES can be ${Object.keys(commands).join(", ")}`);
  process.exit(2);
}

if (isQuick) {
  console.log("The quick part of the suite, which takes one or two minutes: `npm test` runs all of it");
} else if (filters.length === 0) {
  const whole = chosen.reduce((sum, runtime) => sum + minutes[runtime], 0);
  console.log(
    `The whole suite in ${chosen.map((runtime) => names[runtime]).join(", ")}: about ${whole} minutes on two processors`,
  );
  console.log(
    "`npm test -- --quick` takes one or two; `npm test -- session` runs the files with session in their path",
  );
  console.log(
    "Not in it: `npm run test:platforms` for other processors and musl, `npm run test:vm` for a real character device",
  );
}

/** Each suite has a folder of its own, because the gate runs them beside each other. */
const folder = here(process.env.PLATFORMS ? "results/platforms" : "results/suite");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
if (process.env.COVERAGE) rmSync(here("coverage/results"), { recursive: true, force: true });

/** Runs the files that the arguments select. @returns what the reporter wrote */
function run(runtime, { name, filters: selected, env }) {
  const results = join(folder, `${name}.json`);
  const [command, ...flags] = commands[runtime];
  const { status, signal, error } = spawnSync(
    command,
    [...flags, "run", "--root", here("."), "--reporter=default", `--reporter=${here("reporter.mjs")}`, ...selected],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        ...env,
        ...(isQuick && { QUICK: "1", WAYS: "process" }),
        RESULTS: results,
        TEST_RUNTIME: names[runtime],
        // The tests start garbage collections. In Node.js and Bun they can enable that themselves.
        DENO_V8_FLAGS: "--expose-gc",
        NO_UPDATE_NOTIFIER: "1",
        // `npm run --silent` sets it, and the tests compare what npm prints.
        npm_config_loglevel: undefined,
      },
    },
  );
  const state = read(results);
  // A run that crashed, or that ran nothing, has failed even if no test in it did.
  if (state.failed === 0 && (status !== 0 || state.passed === 0)) {
    const end = error?.message ?? (signal ? `ended by ${signal}` : `ended with exit code ${status}`);
    const when = state.running.length > 0 ? [`while these files ran: ${state.running.join(", ")}`] : [];
    state.failures.push({ title: `(vitest ${end})`, error: when });
    state.failed = 1;
  }
  return state;
}

function read(results) {
  try {
    return JSON.parse(readFileSync(results, "utf8"));
  } catch {
    return { passed: 0, failed: 0, skipped: 0, failures: [], running: [] };
  }
}

const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
const failures = [];
for (const runtime of chosen) {
  console.log(`\n=== ${names[runtime]} ===`);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const part of partsOf(runtime, filters)) {
    const state = run(runtime, part);
    for (const kind of Object.keys(counts)) counts[kind] += state[kind];
    failures.push(...state.failures.map((failure) => ({ runtime: names[runtime], ...failure })));
  }
  for (const kind of Object.keys(total)) total[kind] += counts[kind];
  lines.push(`${names[runtime].padEnd(8)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}

// .ci/gate.mjs and vm/run.mjs find failures in the output by this form.
for (const { runtime, file, title, error } of failures) {
  console.log(`\nFAILED ${[runtime, file, title].filter(Boolean).join(" > ")}`);
  for (const line of error) console.log(`    ${line}`);
}
const sum = `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`;
console.log(`\n${lines.join("\n")}\n${sum}`);
process.exit(total.failed === 0 ? 0 : 1);
