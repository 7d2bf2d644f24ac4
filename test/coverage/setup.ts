import process from "node:process";
import v8 from "node:v8";
import { afterAll } from "vitest";

// vitest ends the process of a test file with this signal; without a handler, the process has no time to write its
// coverage.
process.once("SIGTERM", () => process.exit());
// On a busy machine, vitest does not wait for that either.
if ("NODE_V8_COVERAGE" in process.env) afterAll(() => v8.takeCoverage());
