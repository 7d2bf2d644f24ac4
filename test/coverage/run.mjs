/*
 * Runs the suite and reports how much of each package it covers: `npm run coverage`. The runtime itself records which
 * code ran, in every process and thread that a test starts. Bun records coverage only for `bun test`, so its host is not
 * measured. `.ci/gate.mjs` runs the tests only once: it records coverage while it runs the whole suite.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const run = (file, args, env) =>
  spawnSync(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    stdio: "inherit",
    env: { ...process.env, ...env },
  }).status === 0;

const isTested = run("../run.mjs", process.argv.slice(2), { RUNTIMES: "node,deno", COVERAGE: "only" });
const isCovered = run("report.mjs", [], {});
process.exit(isTested && isCovered ? 0 : 1);
