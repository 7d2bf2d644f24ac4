import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../install/installed.ts";
import { isRequired } from "../needs.ts";

/* The supported versions of Node.js. This process is one of them; the others come from npm. */

const current = process.versions.node.split(".")[0] as string;
/** npm's package of only the executable, without install scripts. */
const program = `node-${process.platform}-${process.arch}`;

const cache = join(root, "node_modules/.cache/cryptodev");

/** Installs a version from npm. Returns its executable; `undefined` if that fails. */
function nodeOf(version: string): string | undefined {
  if (version === current) return process.execPath;
  const folder = join(cache, `node-${version}`);
  mkdirSync(folder, { recursive: true });
  const npm = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--prefix", folder, `${program}@${version}`];
  // Several files of tests need the versions, and run at the same time: the others wait here.
  const { status, stdout, stderr } = spawnSync("flock", [join(cache, "lock"), ...npm], { encoding: "utf8" });
  if (status !== 0 && isRequired("NODES")) throw new Error(`${npm.join(" ")}\n${stdout}\n${stderr}`);
  const file = join(folder, "node_modules", program, "bin/node");
  return existsSync(file) ? file : undefined;
}

/** A version and its executable; no file if it could not be installed. */
export interface Version {
  readonly version: string;
  readonly file: string | undefined;
}

const versionOf = (version: string): Version => ({ version, file: nodeOf(version) });

/** The newest release of each supported version. */
export const versions: readonly Version[] = ["20", "22", "24", "latest"].map(versionOf);

/** The first release of the oldest supported version. */
export const oldest: Version = versionOf("20.0");

for (const { version, file } of [oldest, ...versions]) {
  if (file !== undefined) continue;
  console.log(
    `skipped: all tests in Node.js ${version}, because npm cannot install it (REQUIRE_NODES=1 makes that a failure)`,
  );
}
