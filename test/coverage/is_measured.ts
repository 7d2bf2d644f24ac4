import process from "node:process";

/** Whether the runtime records coverage: see run.mjs. */
export const isMeasured: boolean = "NODE_V8_COVERAGE" in process.env || "DENO_COVERAGE_DIR" in process.env;
