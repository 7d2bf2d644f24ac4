import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { npm, root } from "../install/installed.ts";
import { isRequired } from "../needs.ts";

/* The supported versions of Node.js. This process is one of them; the others come from npm. */

const current = process.versions.node.split(".")[0] as string;
/** npm's package of only the executable, without install scripts. */
const program = `node-${process.platform}-${process.arch}`;

/** Installs a version from npm. Returns its executable; `undefined` if npm does not have it. */
function nodeOf(version: string): string | undefined {
  if (version === current) return process.execPath;
  const folder = join(root, "node_modules/.cache/cryptodev", `node-${version}`);
  mkdirSync(folder, { recursive: true });
  try {
    npm(folder, "install", "--no-audit", "--no-fund", "--no-save", "--prefix", folder, `${program}@${version}`);
  } catch (error) {
    if (isRequired("NODES")) throw error;
  }
  const file = join(folder, "node_modules", program, "bin/node");
  return existsSync(file) ? file : undefined;
}

/** A version and its executable; no file if npm does not have it. */
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
    `skipped: all tests in Node.js ${version}, because npm does not have it (REQUIRE_NODES=1 makes that a failure)`,
  );
}
