import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vitest/config";

/** What `exports` and `imports` of a package.json map a name to. */
type Target = string | null | { readonly [condition: string]: Target };

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, Target>>;
  readonly imports?: Readonly<Record<string, Target>>;
}

const packages = fileURLToPath(new URL("../packages/", import.meta.url));
const manifests = new Map<string, Manifest>(
  readdirSync(packages)
    .filter((folder) => existsSync(join(packages, folder, "package.json")))
    .map((folder) => [folder, JSON.parse(readFileSync(join(packages, folder, "package.json"), "utf8"))]),
);

/**
 * Loads our packages from their sources instead of their builds. It reads where each build is from the same package.json
 * that publishes it, so that the packages need no condition for this, which would break programs that set it too.
 *
 * @param conditions - those that select between files, besides `default`
 */
export function fromSources(conditions: readonly string[]): Plugin {
  const pick = (target: Target | undefined): string | undefined => {
    if (target === undefined || target === null || typeof target === "string") return target ?? undefined;
    const key = Object.keys(target).find((condition) => condition === "default" || conditions.includes(condition));
    return key === undefined ? undefined : pick(target[key]);
  };

  /** The built file that a name stands for: of a package, of its own `#imports`, or a path to a build. */
  const builtOf = (name: string, importer: string): string | undefined => {
    if (name.startsWith(".")) return join(importer, "..", name);
    if (name.startsWith("#")) {
      const [folder = ""] = relative(packages, importer).split(sep);
      const file = pick(manifests.get(folder)?.imports?.[name]);
      return file && join(packages, folder, file);
    }
    for (const [folder, manifest] of manifests) {
      if (name !== manifest.name && !name.startsWith(`${manifest.name}/`)) continue;
      const file = pick(manifest.exports?.[`.${name.slice(manifest.name.length)}`]);
      return file && join(packages, folder, file);
    }
    return undefined;
  };

  return {
    name: "cryptodev-sources",
    enforce: "pre",
    resolveId(name, importer = "") {
      const built = builtOf(name, importer);
      if (built === undefined || !built.startsWith(packages)) return undefined;
      const source = join(packages, relative(packages, built).replace(/^([^/]+)\/dist\/(.*)\.js$/, "$1/src/$2.ts"));
      return source !== built && existsSync(source) ? source : undefined;
    },
  };
}

/** Files that start programs or threads, which Node.js loads without vite: from the builds. */
const starting = /"node:child_process"|"[./\w]*worker\.mjs"|\bopenAsync/;

/**
 * Finds the test files that start programs or threads, by themselves or through what they import. They are slower than
 * others, and only work with builds.
 *
 * @param tests - the folder of the tests
 */
export function startPrograms(tests: string): string[] {
  const found = new Map<string, boolean>();
  const has = (file: string): boolean => {
    const known = found.get(file);
    if (known !== undefined) return known;
    found.set(file, false);
    const code = readFileSync(file, "utf8");
    const imports = [...code.matchAll(/ from "(\.[^"]*\.ts)"/g)].map(([, name]) => join(file, "..", name as string));
    // These start servers and look for programs, but also have the device in process, and know what is missing. Imports
    // of programs in a string may not exist here.
    const follows = (name: string) => !/\/(software|needs)\.ts$/.test(name) && existsSync(name);
    const result = starting.test(code) || imports.some((name) => follows(name) && has(name));
    found.set(file, result);
    return result;
  };
  return readdirSync(tests, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules") && has(join(tests, name)))
    .sort();
}
