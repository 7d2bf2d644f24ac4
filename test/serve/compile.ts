import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../temporary_folder.ts";

const sources = fileURLToPath(new URL("programs/", import.meta.url));

/** Compiles one program in C with the system's compiler, which finds `cryptodev.h`; a warning is an error. */
export function cc(source: string, program: string, ...flags: readonly string[]): void {
  const strict = ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", sources];
  execFileSync("cc", [...strict, ...flags, "-o", program, source]);
}

/**
 * Compiles the programs in C.
 *
 * @returns the path of each of them
 */
export function compile<const Name extends string>(...names: readonly Name[]): Readonly<Record<Name, string>> {
  const folder = temporaryFolder("programs");
  const compiled = names.map((name) => {
    const program = join(folder, name);
    cc(join(sources, `${name}.c`), program);
    return [name, program];
  });
  return Object.fromEntries(compiled);
}
