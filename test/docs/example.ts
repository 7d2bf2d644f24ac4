import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { runProgram } from "../child.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** One example of the documentation, and where it stands. */
export interface Example {
  readonly where: string;
  readonly code: string;
}

/** Finds the examples of a file: what the first group of a pattern matches. */
export function examplesIn(file: string, pattern: RegExp, clean: (code: string) => string = (code) => code): Example[] {
  const source = readFileSync(file, "utf8");
  return [...source.matchAll(pattern)].map((match) => ({
    where: `${relative(root, file)}:${source.slice(0, match.index).split("\n").length}`,
    code: clean(match[1] as string),
  }));
}

/** Runs an example: it succeeds, and prints what it promises. */
export function expectToRun(code: string): void {
  const { status, stdout, stderr } = runProgram(code);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  // A comment after a call of console.log tells what it prints.
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => match[1] as string);
  const printed = stdout.trim().split("\n");
  for (const [index, promise] of promised.entries()) {
    const alternatives = promise.split(/, or |, which/).map((text) => text.trim());
    expect(alternatives).toContain(printed[index]);
  }
}
