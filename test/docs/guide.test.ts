import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examplesIn, expectToRun } from "./example.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const names = ["index.md", ...readdirSync(here("../../docs/guide")).map((name) => `guide/${name}`)];
const pages = names.map((name) => here(`../../docs/${name}`));
const examples = pages
  .flatMap((file) => examplesIn(file, /^```ts\n([\s\S]*?)^```$/gm))
  .map((example) => ({ ...example, name: example.where.replace(/\W+/g, "-") }));

test.each(names.slice(1))("the README and the sidebar lead to %s", (name) => {
  expect(readFileSync(here("../../README.md"), "utf8")).toContain(`(docs/${name})`);
  expect(readFileSync(here("../../docs/.vitepress/config.ts"), "utf8")).toContain(`"${basename(name, ".md")}")`);
});

describe("every example of the guide", () => {
  const programs = here("../.programs/");
  let folder: string;

  // Not every runtime reads TypeScript, and none of them checks it.
  beforeAll(() => {
    mkdirSync(programs, { recursive: true });
    folder = mkdtempSync(join(programs, "guide-"));
    const files = examples.map(({ name }) => join(folder, `${name}.mts`));
    for (const [index, { code }] of examples.entries()) writeFileSync(files[index] as string, code);
    const options = [
      "--ignoreConfig",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--types",
      "node",
      "--skipLibCheck",
    ];
    const libraries = ["--lib", "es2022,esnext.disposable"];
    const { stdout } = spawnSync(here("../../node_modules/.bin/tsc"), [...options, ...libraries, ...files], {
      encoding: "utf8",
    });
    expect(stdout).toBe("");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("was found", () => {
    const fences = pages.flatMap((file) => readFileSync(file, "utf8").match(/```ts/g) ?? []);
    expect(examples).toHaveLength(fences.length);
    expect(examples.length).toBeGreaterThan(30);
  });

  test.each(examples)("runs: $where", ({ name }) => expectToRun(readFileSync(join(folder, `${name}.mjs`), "utf8")));
});
