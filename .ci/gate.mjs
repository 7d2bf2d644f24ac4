/*
 * Everything that a change has to pass: `npm run gate`. All steps run, even if one fails. The last line counts the
 * tests of all runtimes; any other step that fails counts as one failed test.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import process from "node:process";

const root = new URL("..", import.meta.url);

function passes(step) {
  console.log(`\n--- npm run ${step}`);
  return spawnSync("npm", ["run", step], { cwd: root, stdio: "inherit" }).status === 0;
}

/** Reads the counts that test/run.mjs wrote. */
function countedTests() {
  try {
    const sum = readFileSync(new URL("test/results/sum.txt", root), "utf8");
    const [, passed, failed, rest] = /^(\d+) passed, (\d+) failed(.*)$/m.exec(sum);
    return { passed: Number(passed), failed: Number(failed), rest };
  } catch {
    return { passed: 0, failed: 0, rest: "" };
  }
}

const failed = ["lint", "typecheck", "docs", "demo", "check:packages"].filter((step) => !passes(step));
rmSync(new URL("test/results", root), { recursive: true, force: true });
const isTested = passes("test");
const counts = countedTests();
// A run that ended without counts has failed too.
if (!isTested && counts.failed === 0) failed.push("test");
failed.push(...["coverage", "test:platforms", "test:vm"].filter((step) => !passes(step)));

console.log("");
for (const step of failed) console.log(`npm run ${step} failed`);
console.log(`${counts.passed} passed, ${counts.failed + failed.length} failed${counts.rest}`);
process.exit(isTested && failed.length === 0 ? 0 : 1);
