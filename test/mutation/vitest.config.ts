import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { fromSources } from "../sources.ts";

/**
 * Tests of real memory, of gigabytes, of random operations and of hundreds of options. They reach nearly every change,
 * and take many times as long as all others together.
 */
const slow = ["fuzz", "growing", "hostile", "limits", "options", "real_memory", "secrets"];

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  // The sources are what was changed.
  plugins: [fromSources(["node", "module"])],
  test: {
    include: ["session/*.test.ts", "abi/*.test.ts"],
    exclude: slow.map((name) => `session/${name}.test.ts`),
    // Loading the modules for each file again takes longer than its tests.
    isolate: false,
    // The tests run hundreds of times, so only the device in this process is used.
    env: { WAYS: "process", FUZZ_SEED: "1" },
    testTimeout: 20_000,
  },
});
