import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished } from "vitest";

/**
 * Creates a folder that is removed after the test, or, if there is none yet, after all tests of the suite. Not when the
 * process exits: vitest kills it.
 *
 * @returns its path
 */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `cryptodev-${name}-`));
  const isInTest = expect.getState().currentTestName !== undefined;
  (isInTest ? onTestFinished : afterAll)(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
