import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { root } from "../install/installed.ts";
import { temporaryFolder } from "../temporary_folder.ts";

/* A release on npm up to the upload, with the scripts of .github/workflows/release.yml. */

const home = "https://git.example/someone/something";
const { version } = JSON.parse(readFileSync(join(root, "packages/cryptodev/package.json"), "utf8"));
const folder = temporaryFolder("release");

function run(script: string, args: readonly string[], repository: string) {
  // Nothing listens there: the result must not depend on which versions were published before.
  const registry = { npm_config_registry: "http://127.0.0.1:9/", npm_config_fetch_retries: "0" };
  const env = { ...process.env, ...registry, GITHUB_SERVER_URL: "https://git.example", GITHUB_REPOSITORY: repository };
  return spawnSync(process.execPath, [join(root, ".ci", script), ...args], { env, encoding: "utf8" });
}

test(".ci/pack.mjs packs npm's package with where the repository is, and .ci/publish.mjs publishes it", () => {
  const packed = run("pack.mjs", [`v${version}`, folder], "someone/something");
  expect([packed.stderr, packed.status]).toEqual(["", 0]);
  const [tarball = "", ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  const text = execFileSync("tar", ["-xzOf", join(folder, tarball), "package/package.json"], { encoding: "utf8" });
  expect(JSON.parse(text)).toMatchObject({
    name: "cryptodev",
    repository: { type: "git", url: `git+${home}.git`, directory: "packages/cryptodev" },
    homepage: `${home}#readme`,
    bugs: { url: `${home}/issues` },
  });

  const { stdout, stderr, status } = run("publish.mjs", [folder, "--dry-run"], "someone/something");
  expect(stdout).toBe(`+ cryptodev@${version}\n`);
  // npm corrects what it does not accept, and says so.
  expect(stderr).not.toContain("auto-corrected");
  expect(status).toBe(0);
});

test("the jobs of the release workflow that may publish do not run install scripts", () => {
  const workflow = readFileSync(join(root, ".github/workflows/release.yml"), "utf8");
  const jobs = workflow.split(/^(?= {2}\w+:$)/m).filter((job) => job.includes("id-token: write"));
  expect(jobs.map((job) => /\w+/.exec(job)?.[0])).toEqual(["npm", "jsr"]);
  for (const job of jobs) {
    expect(job.match(/\bnpm (?!ci --ignore-scripts$).*/gm) ?? []).toEqual([]);
    expect(job).not.toMatch(/\b(npx|build|pack\.mjs)\b/);
  }
});

test(".ci/pack.mjs refuses a tag that does not name the version of the packages", () => {
  const { stderr, status } = run("pack.mjs", ["v99.0.0", folder], "someone/something");
  expect(stderr).toContain(`packages/core/jsr.json: expected the version of v99.0.0, got ${version}\n`);
  expect(status).toBe(1);
});

test(".ci/pack.mjs refuses to pack if nothing says where the repository is", () => {
  const { stderr, status } = run("pack.mjs", [`v${version}`, folder], "");
  expect(stderr).toMatch(/^GITHUB_SERVER_URL and GITHUB_REPOSITORY: expected where the repository is, got /);
  expect(status).toBe(1);
});
