import process from "node:process";
import { fileURLToPath } from "node:url";

/** Whether the runtime records coverage, which is reported for the builds. */
const isMeasured = "NODE_V8_COVERAGE" in process.env || "DENO_COVERAGE_DIR" in process.env;

/** The program of the command, as npm's users have it: bundled, so that it starts in half the time. */
export const cliPath: string = fileURLToPath(
  new URL(`../packages/cryptodev/${isMeasured ? "" : "npm/"}bin/cryptodev.mjs`, import.meta.url),
);
