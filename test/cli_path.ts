import { fileURLToPath } from "node:url";
import { isMeasured } from "./coverage/is_measured.ts";

/**
 * The program of the command, as npm's users have it: bundled, so that it starts in half the time. Coverage is reported
 * for the builds.
 */
export const cliPath: string = fileURLToPath(
  new URL(`../packages/cryptodev/${isMeasured ? "" : "npm/"}bin/cryptodev.mjs`, import.meta.url),
);
