import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Maps a build of a package to its sources, which are what was changed. */
const sourceOf = (file: string): string => fileURLToPath(new URL(`../../packages/${file}`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  resolve: {
    alias: [
      { find: /^@cryptodev\/([\w-]+)$/, replacement: sourceOf("$1/src/index.ts") },
      { find: /^(?:\.\.\/)+packages\/([\w-]+)\/dist\/(.*)\.js$/, replacement: sourceOf("$1/src/$2.ts") },
      { find: /^cryptodev$/, replacement: sourceOf("cryptodev/src/index.ts") },
      { find: /^#runtime$/, replacement: sourceOf("cryptodev/src/runtime/node.ts") },
    ],
  },
  test: {
    include: ["session/*.test.ts", "abi/*.test.ts"],
    // The tests run hundreds of times, so only the device in this process is used.
    env: { ONLY_IN_PROCESS: "1", FUZZ_SEED: "1" },
    testTimeout: 20_000,
  },
});
