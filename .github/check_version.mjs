/* Checks that a tag names the version that every package has: `node check_version.mjs v0.1.0`. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";

const [tag] = process.argv.slice(2);
const packages = new URL("../packages/", import.meta.url);
const wrong = readdirSync(packages)
  .flatMap((name) => ["package.json", "jsr.json"].map((file) => new URL(`${name}/${file}`, packages)))
  .filter((file) => existsSync(file))
  .map((file) => ({ file, version: JSON.parse(readFileSync(file, "utf8")).version }))
  .filter(({ version }) => `v${version}` !== tag);
for (const { file, version } of wrong) console.error(`${file.pathname}: ${version}, and the tag is ${tag}`);
process.exit(wrong.length === 0 ? 0 : 1);
