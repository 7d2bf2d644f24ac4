import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Installed, npm, report, root } from "../install/installed.ts";
import { isRequired } from "../runtime.ts";

/* The packed packages in every version of Node.js that they are for. This one is one of them; npm has the others. */

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

const versions = ["20", "22", "24", "latest"].map((version) => ({ version, file: nodeOf(version) }));
for (const { version, file } of versions) {
  if (file !== undefined) continue;
  console.log(`skipped: all tests in Node.js ${version}, as npm gave none (REQUIRE_NODES=1 makes that a failure)`);
}

let installed: Installed;
beforeAll(() => {
  installed = Installed.make();
}, 300_000);
afterAll(() => installed.remove());

describe.each(versions)("Node.js $version", ({ version, file = "" }) => {
  test.skipIf(file === "")("is that version", () => {
    const { stdout } = installed.run(file, "--version");
    if (version === "latest") expect(Number.parseInt(stdout.slice(1), 10)).toBeGreaterThan(24);
    else expect(stdout).toMatch(new RegExp(`^v${version}\\.`));
  });

  test.skipIf(file === "")("runs JavaScript that uses all that is exported", () => {
    const { stdout, stderr } = installed.run(file, "consumer.mjs");
    expect(stderr).toBe("");
    const major = installed.run(file, "-p", "parseInt(process.versions.node)").stdout.trim();
    expect(JSON.parse(stdout)).toEqual(report(`Node.js ${major}`));
  });

  // Version 20 runs no TypeScript by itself.
  if (version !== "20") {
    test.skipIf(file === "")("runs TypeScript as it stands", () => {
      const { stdout, stderr } = installed.run(file, "consumer.ts");
      expect(stderr.replace(/^\(.*ExperimentalWarning.*\n.*--trace-warnings.*\n/, "")).toBe("");
      expect(JSON.parse(stdout)).toMatchObject({ isSwitched: true });
    });
  }

  test.skipIf(file === "")("is switched over by the command of the README, for import and for require", () => {
    const code = `
      import { createRequire } from "node:module";
      import { createHash } from "node:crypto";
      import ours from "cryptodev/crypto";
      console.log(createHash === ours.createHash, createRequire(import.meta.url)("crypto").createHash === createHash);
    `;
    const flags = ["--import", "cryptodev/register-crypto", "--input-type=module", "-e", code];
    const { stdout, stderr } = installed.run(file, ...flags);
    expect([stdout, stderr]).toEqual(["true true\n", ""]);
  });

  test.skipIf(file === "")("runs the command", () => {
    const { stdout, stderr } = installed.run(
      file,
      "node_modules/.bin/cryptodev",
      "info",
      "--backend",
      "software",
      "--json",
    );
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ device: { backend: "software" } });
  });
});
