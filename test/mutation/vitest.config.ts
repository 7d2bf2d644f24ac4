import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { fromSources } from "../sources.ts";

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  // The sources are what was changed.
  plugins: [fromSources(["node", "module"])],
  test: {
    include: ["session/*.test.ts", "abi/*.test.ts"],
    // The tests run hundreds of times, so only the device in this process is used.
    env: { WAYS: "process", FUZZ_SEED: "1" },
    testTimeout: 20_000,
  },
});
