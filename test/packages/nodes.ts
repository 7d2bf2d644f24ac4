import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { npm, root } from "../install/installed.ts";
import { isRequired } from "../runtime.ts";

/* Every version of Node.js that the packages are for. This one is one of them; npm has the others. */

const current = process.versions.node.split(".")[0] as string;
/** What npm calls the program alone, without the scripts that install it. */
const program = `node-${process.platform}-${process.arch}`;

/** The file of a version, from npm; `undefined` where it cannot be had. */
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

/** A version, and its program: no file if npm gave none. */
export interface Version {
  readonly version: string;
  readonly file: string | undefined;
}

/** All versions. */
export const versions: readonly Version[] = ["20", "22", "24", "latest"].map((version) => ({
  version,
  file: nodeOf(version),
}));
for (const { version, file } of versions) {
  if (file !== undefined) continue;
  console.log(`skipped: all tests in Node.js ${version}, as npm gave none (REQUIRE_NODES=1 makes that a failure)`);
}
