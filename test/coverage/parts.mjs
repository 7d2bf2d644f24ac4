import process from "node:process";
import { fileURLToPath } from "node:url";

/** The folder for the coverage data of a runtime. */
export const dataOf = (runtime) => fileURLToPath(new URL(`results/${runtime}`, import.meta.url));

const excluded = (files) => files.flatMap((file) => ["--exclude", `${file}**`]);

/*
 * What each runtime records. In Node.js: all files but those whose programs use packed copies, which are not the files of
 * these packages, and long runs and examples, which do not reach code that the other tests miss. In a run of the whole
 * suite also not the tests of the command, which start a program a thousand times: recording would double their time. In Deno:
 * what only runs there, which is its host, and the ciphers of the software device that Deno's node:crypto does not have.
 */
const unmeasured = ["docs/", "install/", "packages/", "soak/"];
const measured = ["host/", "session/aead", "soft/transcripts"];

/** The plan of a runtime; `undefined` if it does not record coverage. @param isWhole - whether the whole suite runs */
function planOf(runtime, isWhole) {
  if (runtime === "deno") {
    return { variable: "DENO_COVERAGE_DIR", recorded: measured, rest: excluded(measured) };
  }
  const rest = isWhole ? [...unmeasured, "cli/"] : unmeasured;
  return runtime === "node" ? { variable: "NODE_V8_COVERAGE", recorded: excluded(rest), rest } : undefined;
}

/**
 * Divides the run of one runtime into runs of vitest: usually one; with `COVERAGE=1`, one that records coverage and one
 * of the other files; with `COVERAGE=only`, the first of these.
 *
 * @param filters - selects files, if not all are to run; coverage of Deno does not depend on it
 */
export function partsOf(runtime, filters) {
  const { COVERAGE: coverage = "" } = process.env;
  const plan = planOf(runtime, coverage !== "only");
  if (coverage === "" || plan === undefined) return [{ name: runtime, filters, env: {} }];
  const recorded = runtime === "node" ? [...plan.recorded, ...filters] : plan.recorded;
  const recording = { name: runtime, filters: recorded, env: { [plan.variable]: dataOf(runtime) } };
  if (coverage === "only") return [recording];
  return [recording, { name: `${runtime}-rest`, filters: plan.rest, env: {} }];
}
