/*
 * Packs npm's package, which the build made, into a folder: `node .ci/pack.mjs v0.1.0 release`. The tag has to name the
 * version that each package of this repository has.
 *
 * The package names its repository, which npm compares with the provenance of what is published. No file here knows where
 * the repository is, so it comes from the environment of the workflow.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const work = mkdtempSync(join(tmpdir(), "cryptodev-pack-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

const home = `${server}/${repository}`;
const copy = join(work, "cryptodev");
cpSync(join(packages, "cryptodev/npm"), copy, { recursive: true });
const manifest = {
  ...read("cryptodev/npm/package.json"),
  repository: { type: "git", url: `git+${home}.git`, directory: "packages/cryptodev" },
  homepage: `${home}#readme`,
  bugs: { url: `${home}/issues` },
};
writeFileSync(join(copy, "package.json"), JSON.stringify(manifest, undefined, 2));

mkdirSync(folder, { recursive: true });
const args = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder, copy];
const { status, stdout, stderr } = spawnSync("npm", args, { encoding: "utf8" });
if (status !== 0) fail(stderr);
console.log(stdout.trim());
