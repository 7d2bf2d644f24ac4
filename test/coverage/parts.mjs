import process from "node:process";
import { fileURLToPath } from "node:url";

/** The folder for the coverage data of a runtime. */
export const dataOf = (runtime) => fileURLToPath(new URL(`results/${runtime}`, import.meta.url));

const excluded = (files) => files.flatMap((file) => ["--exclude", `${file}**`]);

/*
 * What each runtime records. In Node.js: all files but those whose programs use packed copies, which are not the files of
 * these packages, and long runs and examples, which do not reach code that the other tests miss. In Deno: what only runs
 * there, which is its host, and the ciphers of the software device that Deno's node:crypto does not have.
 */
const unmeasured = ["docs/", "install/", "packages/", "soak/"];
const measured = ["host/", "session/aead", "soft/transcripts"];

const plans = {
  node: { variable: "NODE_V8_COVERAGE", recorded: excluded(unmeasured), rest: unmeasured },
  deno: { variable: "DENO_COVERAGE_DIR", recorded: measured, rest: excluded(measured) },
};

/**
 * Divides the run of one runtime into runs of vitest: usually one; with `COVERAGE=1`, one that records coverage and one
 * of the other files; with `COVERAGE=only`, the first of these.
 *
 * @param filters - selects files, if not all are to run; coverage of Deno does not depend on it
 */
export function partsOf(runtime, filters) {
  const { COVERAGE: coverage = "" } = process.env;
  const plan = plans[runtime];
  if (coverage === "" || plan === undefined) return [{ name: runtime, filters, env: {} }];
  const recorded = runtime === "node" ? [...plan.recorded, ...filters] : plan.recorded;
  const recording = { name: runtime, filters: recorded, env: { [plan.variable]: dataOf(runtime) } };
  if (coverage === "only") return [recording];
  return [recording, { name: `${runtime}-rest`, filters: plan.rest, env: {} }];
}
