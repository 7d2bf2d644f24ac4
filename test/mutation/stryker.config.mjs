import process from "node:process";

/*
 * Makes one change at a time in the code that refuses bad input, and runs the tests that reach it: if no test notices
 * the change, nothing tests that check. run.mjs runs it twice; RESULTS.md explains which changes are left.
 */

/** The pass: `quick` or `slow`. */
const pass = process.env.PASS ?? "quick";

export default {
  // The code that decides whether a call is sent, and what is in it.
  mutate: [
    "packages/core/src/checks.ts",
    "packages/core/src/memory/argument.ts",
    "packages/core/src/memory/struct_bytes.ts",
    "packages/core/src/device.ts",
    "packages/core/src/sessions/*.ts",
    "packages/core/src/kernel/*.ts",
    "packages/core/src/async/*.ts",
  ],
  plugins: [import.meta.resolve("@stryker-mutator/vitest-runner")],
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  // Keeps the results for code that has not changed since the last run.
  incremental: true,
  incrementalFile: `test/mutation/results/incremental-${pass}.json`,
  concurrency: 2,
  timeoutMS: 10_000,
  // A constant of a module that no test reaches later: each would need a process of its own.
  ignoreStatic: true,
  ignorePatterns: [
    // Stryker would rewrite it with an interface that TypeScript 7 does not have.
    "tsconfig.json",
    "biome.json",
    "packages/*/dist",
    "packages/cryptodev/npm",
    "docs",
    "bench",
    "test/results",
    "test/coverage/results",
    "test/mutation/results",
  ],
  reporters: ["progress-append-only", "html", "json"],
  htmlReporter: { fileName: `test/mutation/results/${pass}.html` },
  jsonReporter: { fileName: `test/mutation/results/${pass}.json` },
};
