import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";

const packages = fileURLToPath(new URL("../../packages/", import.meta.url));

/** One example of the documentation, and where it stands. */
interface Example {
  readonly where: string;
  readonly code: string;
}

function examplesIn(file: string): Example[] {
  const source = readFileSync(file, "utf8");
  return [...source.matchAll(/@example.*\n\s*\* ```ts\n([\s\S]*?)\* ```\n/g)].map((match) => ({
    where: `${relative(packages, file)}:${source.slice(0, match.index).split("\n").length}`,
    code: (match[1] as string).replace(/^\s*\* ?/gm, ""),
  }));
}

const sources = readdirSync(packages, { recursive: true, encoding: "utf8" })
  .filter((path) => /^[^/]+\/src\/.*\.ts$/.test(path))
  .map((path) => join(packages, path));

const own = { "Node.js": "node", Deno: "deno", Bun: "bun" }[runtimeName];
/** The examples that can run here: a host's own run only in its runtime. */
const examples = sources
  .filter((file) => !/\/(node|deno|bun)\/src\//.test(file) || file.includes(`/${own}/src/`))
  .flatMap(examplesIn);

describe("every example in the documentation runs as it stands", () => {
  test("and all of them were found", () => {
    const tags = sources.flatMap((file) => readFileSync(file, "utf8").match(/@example/g) ?? []);
    expect(sources.flatMap(examplesIn)).toHaveLength(tags.length);
    expect(examples.length).toBeGreaterThan(10);
  });

  test.each(examples)("$where", ({ code }) => {
    const { status, stdout, stderr } = runProgram(code);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    // A comment after a call of console.log tells what it prints.
    const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => match[1] as string);
    const printed = stdout.trim().split("\n");
    for (const [index, promise] of promised.entries()) {
      const alternatives = promise.split(/, or |, which/).map((text) => text.trim());
      expect(alternatives, basename(code)).toContain(printed[index]);
    }
  });
});
