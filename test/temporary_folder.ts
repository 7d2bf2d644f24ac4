import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished } from "vitest";

/**
 * Creates a folder that is removed after the current test or, outside of tests, after all tests of the suite. An `exit`
 * handler would not run, because vitest kills its processes.
 *
 * @returns its path
 */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `cryptodev-${name}-`));
  const isInTest = expect.getState().currentTestName !== undefined;
  (isInTest ? onTestFinished : afterAll)(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
