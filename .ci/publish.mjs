/*
 * Publishes on npm what pack.mjs packed: `node .ci/publish.mjs release --provenance`. With `--dry-run`, npm only says what
 * it would do.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";

const [folder, ...flags] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node .ci/publish.mjs <folder> [flags of npm publish]");
  process.exit(1);
}
for (const tarball of readdirSync(folder).filter((name) => name.endsWith(".tgz"))) {
  const args = ["publish", resolve(folder, tarball), "--access", "public", "--ignore-scripts", ...flags];
  const { status } = spawnSync("npm", args, { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
