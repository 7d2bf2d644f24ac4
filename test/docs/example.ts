import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { runProgram } from "../child.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** One example of the documentation, and its place. */
export interface Example {
  readonly where: string;
  readonly code: string;
}

/** Finds the examples of a file: the first group of each match of a pattern. */
export function examplesIn(file: string, pattern: RegExp, clean: (code: string) => string = (code) => code): Example[] {
  const source = readFileSync(file, "utf8");
  return [...source.matchAll(pattern)].map((match) => ({
    where: `${relative(root, file)}:${source.slice(0, match.index).split("\n").length}`,
    code: clean(match[1] as string),
  }));
}

/** A fenced block of a page, and the heading above it. */
export interface Block extends Example {
  readonly language: string;
  readonly heading: string;
}

/** The pages for users, relative to the root of this repository. */
export const pages: readonly string[] = [
  "README.md",
  ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
  "docs/index.md",
  ...readdirSync(join(root, "docs/guide")).map((name) => `docs/guide/${name}`),
];

/** Finds all blocks of a page. */
export function blocksIn(page: string): Block[] {
  const source = readFileSync(join(root, page), "utf8");
  return [...source.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: language, 2: code }) => {
    const before = source.slice(0, index);
    const headings = [...before.matchAll(/^##+ (.*)$/gm)];
    return {
      where: `${page}:${before.split("\n").length}`,
      heading: headings.at(-1)?.[1] ?? "",
      language: language as string,
      code: code as string,
    };
  });
}

/** The checks of TypeScript that a program can turn on: examples have to compile in every program. */
const strictest: readonly string[] = [
  "strict",
  "noUncheckedIndexedAccess",
  "exactOptionalPropertyTypes",
  "noImplicitReturns",
  "noImplicitOverride",
  "noFallthroughCasesInSwitch",
  "noPropertyAccessFromIndexSignature",
  "noUnusedLocals",
  "noUnusedParameters",
  "isolatedModules",
  "verbatimModuleSyntax",
];

/**
 * Compiles examples under the strictest settings.
 *
 * @param examples - the code by the name of its file, without the extension
 * @returns a new folder with the compiled programs, which the caller removes
 */
export function compile(examples: ReadonlyMap<string, string>): string {
  const programs = join(root, "test/.programs");
  mkdirSync(programs, { recursive: true });
  const folder = mkdtempSync(join(programs, "docs-"));
  const files = [...examples].map(([name, code]) => {
    const file = join(folder, `${name}.mts`);
    writeFileSync(file, code);
    return file;
  });
  const options = "--ignoreConfig --skipLibCheck --module nodenext --target es2022 --types node".split(" ");
  const libraries = ["--lib", "es2022,esnext.disposable"];
  const tsc = join(root, "node_modules/.bin/tsc");
  const checks = strictest.map((name) => `--${name}`);
  const { stdout } = spawnSync(tsc, [...options, ...libraries, ...checks, ...files], { encoding: "utf8" });
  expect(stdout.replaceAll(basename(folder), "")).toBe("");
  return folder;
}

/** The name of a file for an example. */
export const nameOf = ({ where }: Example): string => where.replace(/\W+/g, "-");

/** Runs an example, which has to succeed and print what its comments promise. */
export function expectToRun(code: string): void {
  const { status, stdout, stderr } = runProgram(code);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  // A comment after a call of console.log says what the call prints.
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => match[1] as string);
  const printed = stdout.trim().split("\n");
  for (const [index, promise] of promised.entries()) {
    const alternatives = promise.split(/, or |, which/).map((text) => text.trim());
    expect(alternatives).toContain(printed[index]);
  }
}
