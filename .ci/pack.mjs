/*
 * Packs the packages for npm into a folder: `node .ci/pack.mjs v0.1.0 release`. The tag has to name the version that each
 * package has.
 *
 * Packages name their repository, which npm compares with the provenance of what is published. No file here knows where
 * the repository is, so it comes from the environment of the workflow.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));
const read = (path) => JSON.parse(readFileSync(join(packages, path), "utf8"));

function fail(why) {
  console.error(why);
  process.exit(1);
}

const [tag, folder] = process.argv.slice(2);
if (folder === undefined) fail("usage: node .ci/pack.mjs <tag> <folder>");
const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
if (!server || !repository) {
  fail(`GITHUB_SERVER_URL and GITHUB_REPOSITORY: expected where the repository is, got ${server} and ${repository};
GitHub sets them in workflows`);
}

const names = readdirSync(packages);
const wrong = names
  .flatMap((name) => [`${name}/package.json`, `${name}/jsr.json`])
  .filter((path) => existsSync(join(packages, path)))
  .map((path) => ({ path, version: read(path).version }))
  .filter(({ version }) => `v${version}` !== tag);
if (wrong.length > 0)
  fail(wrong.map(({ path, version }) => `packages/${path}: expected the version of ${tag}, got ${version}`).join("\n"));

/** The names of the packages' folders, each after those of the packages that it depends on. */
function inOrder() {
  const folders = new Map(names.map((name) => [read(`${name}/package.json`).name, name]));
  const sorted = new Set();
  const add = (name) => {
    const dependencies = Object.keys(read(`${name}/package.json`).dependencies ?? {});
    for (const dependency of dependencies) if (folders.has(dependency)) add(folders.get(dependency));
    sorted.add(name);
  };
  for (const name of names) add(name);
  return [...sorted];
}

const work = mkdtempSync(join(tmpdir(), "cryptodev-pack-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** Copies a package, and adds to its manifest where the repository is. @returns the folder of the copy */
function copy(name) {
  const own = join(work, name);
  cpSync(join(packages, name), own, { recursive: true, filter: (path) => basename(path) !== "node_modules" });
  const home = `${server}/${repository}`;
  const manifest = {
    ...read(`${name}/package.json`),
    repository: { type: "git", url: `git+${home}.git`, directory: `packages/${name}` },
    homepage: `${home}#readme`,
    bugs: { url: `${home}/issues` },
  };
  writeFileSync(join(own, "package.json"), JSON.stringify(manifest, undefined, 2));
  return own;
}

mkdirSync(folder, { recursive: true });
const args = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder, ...inOrder().map(copy)];
const { status, stdout, stderr } = spawnSync("npm", args, { encoding: "utf8" });
if (status !== 0) fail(stderr);
for (const [index, tarball] of stdout.trim().split("\n").entries()) {
  // Numbered, so that publish.mjs knows the order.
  const numbered = `${String(index + 1).padStart(2, "0")}-${tarball}`;
  renameSync(join(folder, tarball), join(folder, numbered));
  console.log(numbered);
}
