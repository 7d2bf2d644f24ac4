/*
 * Writes what happened in one runtime to the file that RESULTS names, for run.mjs: counts, and why what failed did. It is
 * written whenever a test file begins or ends, so that it also shows what ran when the runtime crashed.
 */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";

/** As many lines of an error as usually say what is wrong. */
const LINES = 12;

function textOf({ message, name, diff = "", stack = "", cause }) {
  const text = stripVTControlCharacters([message ?? name, diff, cause?.message].filter(Boolean).join("\n"));
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  // Where it was thrown, unless that is in a library.
  const place = stack.split("\n").find((line) => /\.(ts|mjs|js):\d+/.test(line) && !line.includes("node_modules"));
  return [...lines.slice(0, LINES), ...(lines.length > LINES ? ["..."] : []), ...(place ? [place.trim()] : [])];
}

export default class Reporter {
  #state = { passed: 0, failed: 0, skipped: 0, failures: [], running: [], files: [] };

  onTestRunStart() {
    this.#write();
  }

  onTestModuleQueued({ relativeModuleId }) {
    this.#state.running.push(relativeModuleId);
    this.#write();
  }

  onTestModuleEnd(testModule) {
    const state = this.#state;
    const file = testModule.relativeModuleId;
    state.running = state.running.filter((other) => other !== file);
    state.files.push({ file, milliseconds: Math.round(testModule.diagnostic().duration) });
    for (const test of testModule.children.allTests()) {
      const { state: outcome, errors } = test.result();
      state[outcome] += 1;
      if (outcome === "failed") state.failures.push({ file, title: test.fullName, error: errors.flatMap(textOf) });
    }
    // Errors outside of tests: in hooks, or when the file is loaded.
    for (const part of [testModule, ...testModule.children.allSuites()]) {
      this.#fail(file, part.fullName ?? "(the file itself)", part.errors());
    }
    this.#write();
  }

  onTestRunEnd(_modules, errors) {
    // A process that ended does not name its file, which is one that did not end.
    const unfinished = this.#state.running.join(", ");
    for (const error of errors) {
      const { VITEST_TEST_PATH: path } = error;
      this.#fail(path ? relative("", path) : unfinished, "(an error outside of all tests)", [error]);
    }
    this.#state.running = [];
    this.#write();
  }

  #fail(file, title, errors) {
    for (const error of errors) {
      this.#state.failures.push({ file, title, error: textOf(error) });
      this.#state.failed += 1;
    }
  }

  #write() {
    writeFileSync(process.env.RESULTS, JSON.stringify(this.#state));
  }
}
