import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const sources = fileURLToPath(new URL("programs/", import.meta.url));

/** Compiles the programs in C with the system's compiler. @returns where each of them is */
export function compile<const Name extends string>(...names: readonly Name[]): Readonly<Record<Name, string>> {
  const folder = mkdtempSync(join(tmpdir(), "cryptodev-programs-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const compiled = names.map((name) => {
    const program = join(folder, name);
    execFileSync("cc", ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, join(sources, `${name}.c`)]);
    return [name, program];
  });
  return Object.fromEntries(compiled);
}
