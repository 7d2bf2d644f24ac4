import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { command } from "../software.ts";
import { Folder, quoted } from "./folder.ts";

const readme = readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");

test("the commands of the README run as they stand", () => {
  const section = readme.split("\n## On the command line\n")[1] as string;
  const [, script] = /```sh\n([\s\S]*?)```/.exec(section) as unknown as [string, string];
  const folder = new Folder();
  folder.write("README.md", readme);
  folder.write("cryptodev", `#!/bin/sh\nexec ${quoted(command)} "$@"\n`);
  chmodSync(join(folder.path, "cryptodev"), 0o755);
  folder.write("script", `PATH="${folder.path}:$PATH"\nset -e\n${script}`);
  const { status, stdout, stderr } = folder.run("sh", ["script"]);
  expect(status).toBe(0);
  // What is on standard error is the trace alone.
  expect(stderr).toMatch(/^(\w+\(.*\) = (\d+|-1 ENOENT)\n)+$/);
  expect(stdout.toString()).toMatch(
    /^cryptodev \d[\s\S]*\nREADME\.md: OK\n[0-9a-f]{64} {2}README\.md\ncryptodev \d[\s\S]*█/,
  );
  expect(folder.names).toEqual(["README.md", "SHA256SUMS", "cryptodev", "iv", "key", "script", "sealed"]);
});
