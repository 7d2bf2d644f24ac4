/*
 * Changes one thing at a time in what the library refuses before the kernel is asked, and runs the tests that reach it:
 * a change that no test notices is a check that nobody would miss. `npm run mutation`; README.md tells what is left.
 */
export default {
  // What decides whether a call is sent, and what is in it.
  mutate: [
    "packages/core/src/checks.ts",
    "packages/core/src/memory/argument.ts",
    "packages/core/src/memory/struct_bytes.ts",
    "packages/core/src/device.ts",
    "packages/core/src/sessions/*.ts",
  ],
  plugins: [import.meta.resolve("@stryker-mutator/vitest-runner")],
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  // Of what has not changed since the last run, the results are kept.
  incremental: true,
  incrementalFile: "test/mutation/results/incremental.json",
  concurrency: 2,
  timeoutMS: 10_000,
  ignorePatterns: [
    "biome.json",
    "packages/*/dist",
    "docs",
    "bench",
    "test/results",
    "test/coverage/results",
    "test/mutation/results",
  ],
  reporters: ["clear-text", "progress-append-only", "html", "json"],
  htmlReporter: { fileName: "test/mutation/results/mutation.html" },
  jsonReporter: { fileName: "test/mutation/results/mutation.json" },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
};
