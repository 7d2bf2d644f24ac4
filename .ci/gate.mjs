/*
 * Everything that a change has to pass: `npm run gate`, or only the named steps: `npm run gate -- lint typecheck`. All
 * steps run, even if one fails. What failed, and why, is at the end of the output. The last line counts the tests of all
 * runtimes; any other step that fails counts as one failed test.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";

const root = new URL("..", import.meta.url);
/** What a failed step printed last is shown again, if it did not list its failures. */
const LAST_LINES = 15;

/** The scripts of package.json that run one after the other. */
const inTurn = [
  { name: "lint" },
  { name: "typecheck" },
  { name: "docs" },
  { name: "demo" },
  { name: "check:packages" },
  { name: "test" },
  { name: "coverage:report" },
];
/** The ones that use one processor or wait for downloads: they run beside each other, and beside the others. */
const beside = [{ name: "test:vm" }, { name: "test:platforms" }];

const names = [...inTurn, ...beside].map(({ name }) => name);
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}; the steps are ${names.join(", ")}`);
  process.exit(2);
}
const isChosen = ({ name }) => chosen.length === 0 || chosen.includes(name);

// The tests record the coverage that a later step reports, so that they do not run twice.
const env = { ...process.env, COVERAGE: isChosen({ name: "coverage:report" }) ? "1" : "" };

/** Runs a step. `print` gets its output, piece by piece. @returns how it ended */
function run({ name }, print) {
  const begun = performance.now();
  const child = spawn("npm", ["run", name], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      print(text);
    });
  }
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      const seconds = (performance.now() - begun) / 1000;
      resolve({ name, code, end: signal ?? `exit code ${code}`, seconds, output: stripVTControlCharacters(output) });
    });
  });
}

const results = [];
const print = (text) => process.stdout.write(text);

/** Runs a step beside others, and prints its output when it has ended. */
async function runBeside(step) {
  const result = await run(step, () => {});
  print(`\n--- npm run ${step.name}\n${result.output}`);
  results.push(result);
}

let running = [];
for (const step of inTurn) {
  // The packages are built now, so that two steps do not build them at the same time.
  if (step.name === "docs") running = beside.filter(isChosen).map(runBeside);
  if (!isChosen(step)) continue;
  print(`\n--- npm run ${step.name}\n`);
  results.push(await run(step, print));
}
await Promise.all(running);

/** The failures that test/run.mjs listed, each with the indented lines that follow. */
const listed = (output) => output.match(/^FAILED .*(?:\r?\n {4}.*)*/gm) ?? [];
const lastLines = (output) => output.trimEnd().split("\n").slice(-LAST_LINES).join("\n");

const failed = results.filter(({ code }) => code !== 0);
for (const { name, end, output } of failed) {
  print(`\n--- npm run ${name} failed: ${end}\n`);
  const failures = listed(output);
  print(`${(failures.length > 0 ? failures.join("\n\n") : lastLines(output)).replaceAll("\r", "")}\n`);
}

print("\n");
for (const { name, code, end, seconds } of results) {
  console.log(`${name.padEnd(16)} ${seconds.toFixed(0).padStart(5)} s  ${code === 0 ? "passed" : `failed: ${end}`}`);
}

/** The sum of the tests, from the last line of test/run.mjs. A run that ended without one has failed too. */
const tests = results.find(({ name }) => name === "test");
const sum = tests?.output.match(/^(\d+) passed, (\d+) failed(.*)$/gm)?.at(-1) ?? "0 passed, 0 failed";
const [, passed, broken, rest] = /^(\d+) passed, (\d+) failed(.*)$/.exec(sum);
const others = failed.filter(({ name }) => name !== "test" || broken === "0").length;
console.log(`${passed} passed, ${Number(broken) + others} failed${rest}`);
process.exit(failed.length === 0 ? 0 : 1);
