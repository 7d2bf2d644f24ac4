import { defineConfig } from "vitest/config";

// vitest resolves imports itself, and as Node.js would, whatever runs it: tell it which runtime that is.
const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const conditions = [runtime, "node", "module", "default"];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["**/*.test.ts"],
    // One process for each file: descriptors and garbage collections of one do not disturb another.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
