import process from "node:process";
import v8 from "node:v8";
import { afterAll } from "vitest";

// vitest ends the process of a test file by this signal, which leaves no time to write down what was covered.
process.once("SIGTERM", () => process.exit());
// Where the machine is busy, it does not wait for that either.
if ("NODE_V8_COVERAGE" in process.env) afterAll(() => v8.takeCoverage());
