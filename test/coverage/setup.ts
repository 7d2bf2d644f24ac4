import process from "node:process";

// vitest ends the process of a test file by this signal, which leaves no time to write down what was covered.
process.once("SIGTERM", () => process.exit());
