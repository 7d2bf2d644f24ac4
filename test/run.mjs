/*
 * Runs the whole suite in Node.js, Deno and Bun, and adds up the results. `node run.mjs [file...]` runs only these
 * files; `RUNTIMES=bun,deno` uses only these runtimes.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bin = (runtime) => here(`../node_modules/.bin/${runtime}`);
const vitest = here("../node_modules/vitest/vitest.mjs");

const commands = {
  node: [process.execPath, vitest],
  deno: [bin("deno"), "run", "-A", vitest],
  bun: [bin("bun"), "--bun", vitest],
};
const names = { node: "Node.js", deno: "Deno", bun: "Bun" };
const chosen = process.env.RUNTIMES?.split(",") ?? Object.keys(commands);

rmSync(here("results"), { recursive: true, force: true });
mkdirSync(here("results"));

const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
for (const runtime of chosen) {
  const results = here(`results/${runtime}.json`);
  const [command, ...args] = commands[runtime] ?? [];
  console.log(`\n=== ${names[runtime]} ===`);
  const { status, error } = spawnSync(
    command,
    [
      ...args,
      "run",
      "--root",
      here("."),
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${results}`,
      ...process.argv.slice(2),
    ],
    {
      stdio: ["ignore", "inherit", "inherit"],
      // The tests start garbage collections. In Node.js and Bun they can enable that themselves.
      env: { ...process.env, TEST_RUNTIME: names[runtime], DENO_V8_FLAGS: "--expose-gc", NO_UPDATE_NOTIFIER: "1" },
    },
  );
  const counts = count(results, status);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  lines.push(
    `${names[runtime].padEnd(8)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped${error ? ` (${error.message})` : ""}`,
  );
}

/** Counts a run that crashed, or a file that failed to load, as a failure even if no test in it failed. */
function count(results, status) {
  try {
    const {
      numPassedTests: passed,
      numFailedTests: failed,
      numPendingTests,
      numTodoTests,
    } = JSON.parse(readFileSync(results, "utf8"));
    return {
      passed,
      failed: status === 0 && passed > 0 ? failed : Math.max(failed, 1),
      skipped: numPendingTests + numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const sum = `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`;
writeFileSync(here("results/sum.txt"), `${sum}\n`);
console.log(`\n${lines.join("\n")}\n${sum}`);
process.exit(total.failed === 0 ? 0 : 1);
