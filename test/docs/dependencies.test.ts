import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const security = readFileSync(`${root}SECURITY.md`, "utf8");

type Group = "dependencies" | "devDependencies";

/** Every folder of this repository that has a package.json; the repository itself is `root`. */
const folders = [
  "root",
  ...readdirSync(`${root}packages`).map((name) => `packages/${name}`),
  ...["examples", "test", "test/mutation", "bench", "docs"],
].filter((folder) => folder === "root" || existsSync(`${root}${folder}/package.json`));

/** The packages that are installed, and by which folders. Our own packages do not count. */
function installed(groups: (folder: string) => readonly Group[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const folder of folders) {
    const manifest = JSON.parse(readFileSync(`${root}${folder === "root" ? "" : folder}/package.json`, "utf8"));
    for (const name of groups(folder).flatMap((group) => Object.keys(manifest[group] ?? {}))) {
      if (!/^(@cryptodev\/|cryptodev)/.test(name)) found.set(name, [...(found.get(name) ?? []), folder]);
    }
  }
  return found;
}

/** The rows of the table after a given line: a package, and where it is used. */
function rowsAfter(line: string): [string, string][] {
  const [, table = ""] = new RegExp(`\n${line}\n\n((?:\\|.*\n)+)`).exec(security) ?? [];
  return [...table.matchAll(/^\| `([^`]+)` *\| (\S+)/gm)].map(([, name, where]) => [
    name as string,
    (where as string).replaceAll("`", ""),
  ]);
}

const isPublished = (folder: string) => folder.startsWith("packages/");
/** The dependencies of the published package. What else the packages depend on is bundled into it. */
const installedByUsers = Object.keys(
  JSON.parse(readFileSync(`${root}packages/cryptodev/npm/package.json`, "utf8")).dependencies,
);
const dependencies = (folder: string): readonly Group[] => (isPublished(folder) ? ["dependencies"] : []);

describe("SECURITY.md lists every dependency and where it is used:", () => {
  test.each([
    ["What a user installs with `cryptodev`:", dependencies, (name: string) => installedByUsers.includes(name)],
    [
      "What is bundled into `cryptodev` for its command:",
      dependencies,
      (name: string) => !installedByUsers.includes(name),
    ],
    [
      "What only developers install:",
      (folder: string) => (isPublished(folder) ? ["devDependencies"] : ["dependencies", "devDependencies"]),
      () => true,
    ],
  ] as [string, (folder: string) => Group[], (name: string) => boolean][])("under '%s'", (line, groups, isListed) => {
    const expected = [...installed(groups)]
      .filter(([name]) => isListed(name))
      .map(([name, where]) => [name, where.length > 1 ? "several" : where[0]]);
    expect(rowsAfter(line).sort()).toEqual(expected.sort());
    expect(expected).not.toEqual([]);
  });
});

test("the workflows of GitHub pin actions by commit, and name the version in a comment", () => {
  const workflows = `${root}.github/workflows/`;
  const uses = readdirSync(workflows).flatMap((name) =>
    [...readFileSync(workflows + name, "utf8").matchAll(/\buses: (.*)$/gm)].map((match) => match[1] as string),
  );
  expect(uses).not.toEqual([]);
  for (const use of uses) expect(use).toMatch(/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});
