import process from "node:process";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { fromSources } from "../sources.ts";

/**
 * Tests of large memory, of garbage collection, and of calls in the middle of others. They reach nearly every change, so
 * they run only for those that all others left.
 */
const slow = ["hostile", "lifetime", "limits", "memory", "reentry"].map((name) => `session/${name}.test.ts`);
/**
 * Tests of real memory, of random operations, and of hundreds of options, which take many times as long as all others
 * together; and one of memory that grows after each read, which Stryker reads more often.
 */
const omitted = ["fuzz", "growing", "options", "real_memory", "secrets"].map((name) => `session/${name}.test.ts`);

const isSlowPass = process.env.PASS === "slow";

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  // The sources are what was changed.
  plugins: [fromSources(["node", "module"])],
  test: {
    include: isSlowPass ? slow : ["session/*.test.ts", "abi/*.test.ts"],
    exclude: isSlowPass ? [] : [...slow, ...omitted],
    // Loading the modules for each file again takes longer than its tests.
    isolate: false,
    // The tests run hundreds of times, so only the device in this process is used.
    env: { WAYS: "process", FUZZ_SEED: "1" },
    // For quick tests shorter than Stryker's own limit, after which it has to start a process.
    testTimeout: isSlowPass ? 30_000 : 8_000,
  },
});
