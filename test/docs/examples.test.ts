import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runtimeName } from "../runtime.ts";
import { type Example, examplesIn, expectToRun } from "./example.ts";

const packages = fileURLToPath(new URL("../../packages/", import.meta.url));

function documented(file: string): Example[] {
  return examplesIn(file, /@example.*\n\s*\* ```ts\n([\s\S]*?)\* ```\n/g, (code) => code.replace(/^\s*\* ?/gm, ""));
}

const sources = readdirSync(packages, { recursive: true, encoding: "utf8" })
  .filter((path) => /^[^/]+\/src\/.*\.ts$/.test(path))
  .map((path) => join(packages, path));

const own = { "Node.js": "node", Deno: "deno", Bun: "bun" }[runtimeName];
/** The examples that can run here: a host's own run only in its runtime. */
const examples = sources
  .filter((file) => !/\/(node|deno|bun)\/src\//.test(file) || file.includes(`/${own}/src/`))
  .flatMap(documented);

describe("every example in the documentation runs as it stands", () => {
  test("and all of them were found", () => {
    const tags = sources.flatMap((file) => readFileSync(file, "utf8").match(/@example/g) ?? []);
    expect(sources.flatMap(documented)).toHaveLength(tags.length);
    expect(examples.length).toBeGreaterThan(10);
  });

  test.each(examples)("$where", ({ code }) => expectToRun(code));
});
