import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runtimeName } from "../runtime.ts";
import { blocksIn, compile, type Example, examplesIn, expectToRun, nameOf, pages } from "./example.ts";

const packages = fileURLToPath(new URL("../../packages/", import.meta.url));

function documented(file: string): Example[] {
  return examplesIn(file, /@example.*\n\s*\* ```ts\n([\s\S]*?)\* ```\n/g, (code) => code.replace(/^\s*\* ?/gm, ""));
}

const files = readdirSync(packages, { recursive: true, encoding: "utf8" });
const sources = files.filter((path) => /^[^/]+\/src\/.*\.ts$/.test(path)).map((path) => join(packages, path));
const readmes = pages.filter((page) => page.startsWith("packages/"));
const shown = (readme: string): Example[] => blocksIn(readme).filter(({ language }) => language === "ts");

const own = { "Node.js": "node", Deno: "deno", Bun: "bun" }[runtimeName];
/** Whether a file's examples can run here: those of a host package run only in its runtime. */
const runsHere = (file: string): boolean =>
  !/\bpackages\/(node|deno|bun)\//.test(file) || file.includes(`packages/${own}/`);
const examples = [...readmes.filter(runsHere).flatMap(shown), ...sources.filter(runsHere).flatMap(documented)];

describe("every example in TSDoc and in the packages' READMEs", () => {
  test("is found", () => {
    const tags = sources.flatMap((file) => readFileSync(file, "utf8").match(/@example/g) ?? []);
    expect(sources.flatMap(documented)).toHaveLength(tags.length);
    expect(examples.length).toBeGreaterThan(10);
    for (const readme of readmes) expect(shown(readme), readme).not.toHaveLength(0);
  });

  test("compiles under the strictest settings of TypeScript", () => {
    const readme = blocksIn("README.md").filter(({ language }) => language === "ts");
    // Those of these two packages use the types of their runtime.
    const compiles = (file: string) => !/\bpackages\/(deno|bun)\//.test(file);
    const all = [
      ...readme,
      ...readmes.filter(compiles).flatMap(shown),
      ...sources.filter(compiles).flatMap(documented),
    ];
    const folder = compile(new Map(all.map((example) => [nameOf(example), example.code])));
    rmSync(folder, { recursive: true });
  });

  test.each(examples)("runs unchanged: $where", ({ code }) => expectToRun(code));
});
