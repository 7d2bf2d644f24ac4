import { availableParallelism } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { isMeasured } from "./coverage/is_measured.ts";
import { fromSources, startPrograms } from "./sources.ts";

// vitest resolves imports itself, like Node.js in any runtime, so the condition of the runtime has to be set here.
const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const conditions = [runtime, "node", "module", "default"];

/** How much more time than usual tests have, for example on an emulated machine, or for longer random tests. */
const patience = Number(process.env.TEST_PATIENCE ?? 1) * Math.max(Number(process.env.FUZZ_RUNS ?? 1), 1);

/** Whether tests run on the sources, and again whenever one changes: `npm run dev`. */
const isOnSources = process.env.SOURCES === "1";
/** Whether all tests run, or only the fast ones. */
const isWhole = !isOnSources && process.env.QUICK !== "1";
/** They compute on gigabytes, or for a long time. */
const slow = ["session/limits.test.ts", "soak/soak.test.ts", "soft/large.test.ts"];
const here = fileURLToPath(new URL(".", import.meta.url));
const omitted = isWhole ? [] : [...startPrograms(here), ...slow];
if (!isWhole) {
  console.log(
    `\nskipped: ${omitted.join(" ")}\nbecause they start programs or threads, or are slow; \`npm test\` runs them\n`,
  );
}

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  plugins: isOnSources ? [fromSources(conditions)] : [],
  test: {
    include: ["**/*.test.ts"],
    // npm and TypeScript treat the packages the same way in all runtimes.
    exclude: [
      ...configDefaults.exclude,
      ...(runtime === "node" ? [] : ["packages/**"]),
      // Takes minutes and many megabytes: `npm run test:platforms`.
      ...(process.env.PLATFORMS ? [] : ["platforms/**"]),
      ...omitted,
    ],
    // The runtime itself loads the packages from their builds, as it does for any program.
    server: { deps: { external: [/\/packages\/[\w-]+\/(npm\/)?dist\//] } },
    globalSetup: ["list_skipped.ts"],
    setupFiles: isMeasured ? ["coverage/setup.ts"] : [],
    // One process for each file, so that descriptors and garbage collections of one do not disturb another.
    pool: "forks",
    // One more than processors, because many tests wait for the programs that they start. An emulated machine is slower.
    maxWorkers: availableParallelism() + (process.env.TEST_PATIENCE === undefined ? 1 : 0),
    testTimeout: patience * 120_000,
    hookTimeout: patience * 120_000,
  },
});
