import { readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../child.ts";
import { blocksIn, compile, expectToRun, nameOf, pages } from "./example.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const ofGuide = pages.filter((page) => page.startsWith("docs/"));
const blocks = ofGuide.flatMap((page) => blocksIn(page));
const examples = blocks
  .filter(({ language }) => language === "ts")
  .map((example) => ({ ...example, name: nameOf(example) }));

test.each(ofGuide.slice(1))("the README and the sidebar link to %s", (page) => {
  expect(readFileSync(here("../../README.md"), "utf8")).toContain(`(${page})`);
  expect(readFileSync(here("../../docs/.vitepress/config.ts"), "utf8")).toContain(`"${basename(page, ".md")}")`);
});

test("the README has at most 130 lines, and links to the pictures that the benchmark draws", () => {
  const readme = readFileSync(here("../../README.md"), "utf8");
  expect(readme.split("\n").length).toBeLessThanOrEqual(131);
  const [, picture] = /!\[.+\]\((docs\/public\/benchmark-\w+\.svg)\)/.exec(readme) ?? [];
  expect(readFileSync(here(`../../${picture}`), "utf8")).toContain("prefers-color-scheme: dark");
});

test("every table of errors in the guide says what to do", () => {
  const pages = ["errors", "troubleshooting"].map((name) => readFileSync(here(`../../docs/guide/${name}.md`), "utf8"));
  const heads = pages.flatMap((page) => page.match(/^\|.*\|(?=\n\| -)/gm) ?? []);
  expect(heads.length).toBeGreaterThan(6);
  for (const head of heads) expect(head).toMatch(/ what to do +\|$/);
});

test("every code block of the documentation is in a language that a test checks", () => {
  const fences = pages.flatMap((page) => readFileSync(here(`../../${page}`), "utf8").match(/^ *```\w+/gm) ?? []);
  const all = pages.flatMap((page) => blocksIn(page)).map(({ language }) => language);
  expect(all).toEqual(fences.map((fence) => fence.slice(3)));
  // The other tests here check sh and yaml (commands.test.ts) and c (from_c.test.ts).
  expect(new Set(all)).toEqual(new Set(["ts", "text", "sh", "yaml", "c"]));
});

describe("every example of the guide", () => {
  let folder: string;

  // Not every runtime runs TypeScript, and none of them checks types.
  beforeAll(() => {
    folder = compile(new Map(examples.map(({ name, code }) => [name, code])));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("is found", () => expect(examples.length).toBeGreaterThan(30));

  const programOf = (name: string) => readFileSync(join(folder, `${name}.mjs`), "utf8");

  test.each(examples)("runs: $where", ({ name }) => expectToRun(programOf(name)));

  // Session numbers are random.
  const withoutNumbers = (text: string) => text.replace(/\b(ses|value)=[1-9]\d*/g, "$1=N");
  const outputs = blocks.flatMap(({ language, where, code }, index) => {
    const before = blocks.slice(0, index).filter(({ language }) => language === "ts");
    return language === "text" ? [{ where, code, name: examples[before.length - 1]?.name as string }] : [];
  });

  test.each(outputs)("prints what the guide shows as its output: $where", ({ code, name }) => {
    expect(withoutNumbers(runProgram(programOf(name)).stdout)).toBe(withoutNumbers(code));
  });
});
