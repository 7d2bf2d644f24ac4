import process from "node:process";
import { configDefaults, defineConfig } from "vitest/config";

// vitest resolves imports itself, and as Node.js would, whatever runs it: tell it which runtime that is.
const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const conditions = [runtime, "node", "module", "default"];

/** How much more time tests have than usual, such as on an emulated machine, or for random tests that run longer. */
const patience = Number(process.env.TEST_PATIENCE ?? 1) * Math.max(Number(process.env.FUZZ_RUNS ?? 1), 1);

/** Whether the runtime writes down what is covered: see coverage/run.mjs. */
const isMeasured = "NODE_V8_COVERAGE" in process.env || "DENO_COVERAGE_DIR" in process.env;

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["**/*.test.ts"],
    // What npm and TypeScript make of the packages is the same in all runtimes.
    exclude: [
      ...configDefaults.exclude,
      ...(runtime === "node" ? [] : ["packages/**"]),
      // Minutes and many megabytes: `npm run test:platforms`.
      ...(process.env.PLATFORMS ? [] : ["platforms/**"]),
    ],
    // The packages are loaded as any program loads them: by the runtime, from what was built.
    server: { deps: { external: [/\/packages\/\w+\/dist\//] } },
    setupFiles: isMeasured ? ["coverage/setup.ts"] : [],
    // One process for each file: descriptors and garbage collections of one do not disturb another.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: patience * 60_000,
    hookTimeout: patience * 60_000,
  },
});
