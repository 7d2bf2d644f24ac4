import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/* The manifests of the packages of this repository, of which JSR publishes all but the command, and of npm's package. */

const root = fileURLToPath(new URL("../../", import.meta.url));
const names = readdirSync(join(root, "packages"));
const read = (name: string, file: string): string => readFileSync(join(root, "packages", name, file), "utf8");

/** An entry of `exports` or `imports` in package.json: a file for each condition. */
type Exported = Readonly<Record<string, string>>;

/** The common part of package.json and jsr.json. */
interface Manifest<Export> {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, Export>>;
}

/** jsr.json. */
interface JsrManifest extends Manifest<string> {
  readonly imports?: Readonly<Record<string, string>>;
}

interface PackageManifest extends Manifest<Exported> {
  readonly description: string;
  readonly keywords: readonly string[];
  readonly private?: boolean;
  readonly scripts: object;
  readonly publishConfig: object;
  readonly engines: object;
  readonly sideEffects: unknown;
  readonly imports?: Readonly<Record<string, Exported>>;
  readonly man?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (name: string): PackageManifest => JSON.parse(read(name, "package.json"));

describe.each(names)("packages/%s", (name) => {
  const manifest = manifestOf(name);

  test("has a jsr.json that matches its package.json, unless it is the command, which Deno runs from npm", () => {
    expect(existsSync(join(root, "packages", name, "jsr.json"))).toBe(name !== "cli");
    if (name === "cli") return;
    const jsr: JsrManifest = JSON.parse(read(name, "jsr.json"));
    // JSR does not have names without a scope.
    expect(jsr.name).toBe(manifest.name.startsWith("@") ? manifest.name : `@cryptodev/${manifest.name}`);
    expect([jsr.version, jsr.license]).toEqual([manifest.version, manifest.license]);
    // JSR does not have conditions, and only Deno runs its sources unbuilt.
    const sourcesOf = (entries: PackageManifest["imports"] = {}) =>
      Object.entries(entries).map(([path, { deno, default: file }]) => [
        path,
        // Deno reads a bare name in the imports of jsr.json as a path.
        (deno ?? file)
          ?.replace(/^\.\/dist\/(.*)\.js$/, "./src/$1.ts")
          .replace(/^@cryptodev\/\w+$/, `jsr:$&@${manifest.version}`),
      ]);
    // What registers is omitted: it resolves the files of the packages, which packages from JSR do not have.
    const sources = sourcesOf(manifest.exports).filter(([path]) => !path?.startsWith("./register"));
    expect(jsr.exports).toEqual(Object.fromEntries(sources));
    expect(jsr.imports ?? {}).toEqual(Object.fromEntries(sourcesOf(manifest.imports)));
  });

  test("exports files that exist, each with its declarations", () => {
    for (const files of Object.values(manifest.exports)) {
      for (const file of Object.values(files)) expect(existsSync(join(root, "packages", name, file)), file).toBe(true);
      expect(files.types).toMatch(/\.d\.ts$/);
      expect(Object.keys(files)[0]).toBe("types");
      expect(Object.keys(files).at(-1)).toBe("default");
    }
  });

  test("imports files of its own that exist, or packages that it depends on", () => {
    for (const files of Object.values(manifest.imports ?? {})) {
      for (const file of Object.values(files)) {
        const exists = file.startsWith(".")
          ? existsSync(join(root, "packages", name, file))
          : manifest.dependencies?.[file] !== undefined;
        expect(exists, file).toBe(true);
      }
      expect(Object.keys(files).at(-1)).toBe("default");
    }
  });

  test("has commands that can be run before the build, because npm links them when it installs", () => {
    for (const file of Object.values(manifest.bin ?? {})) {
      expect(file).not.toContain("dist");
      expect(read(name, file)).toMatch(/^#!\/usr\/bin\/env node\n/);
      expect(statSync(join(root, "packages", name, file)).mode & 0o111).toBe(0o111);
    }
  });

  test("is private, because npm publishes only the bundle of all packages", () => {
    expect(manifest).toMatchObject({ private: true, license: "MIT", engines: { node: ">=20" } });
    expect(manifest.description.length).toBeGreaterThan(20);
    expect(manifest).toHaveProperty("sideEffects");
  });

  test("depends on the current versions of the other packages", () => {
    const others = Object.entries(manifest.dependencies ?? {}).filter(([other]) => other.startsWith("@cryptodev/"));
    for (const [other, version] of others) expect(version).toBe(manifestOf(other.split("/")[1] as string).version);
  });

  test("contains the licence of this repository", () => {
    // A copy, because npm pack does not follow links: `cp LICENSE packages/${name}/`.
    expect(read(name, "LICENSE")).toBe(readFileSync(join(root, "LICENSE"), "utf8"));
  });
});

describe("npm's package", () => {
  const manifest: PackageManifest = JSON.parse(read("cryptodev", "npm/package.json"));
  const source = manifestOf("cryptodev");

  test("has the fields that a registry shows, and those for publishing", () => {
    expect(manifest).toMatchObject({
      name: "cryptodev",
      license: "MIT",
      engines: { node: ">=20" },
      publishConfig: { access: "public", provenance: true },
    });
    expect(manifest).not.toHaveProperty("private");
    expect(manifest.keywords.length).toBeGreaterThan(3);
  });

  test("has the version, the exports and the commands of packages/cryptodev", () => {
    const { version, exports, bin, sideEffects } = source;
    expect(manifest).toMatchObject({ version, exports, bin, sideEffects });
  });

  test("contains the manual page of the command", () => {
    // npm ignores a single name that is not in a list.
    expect(manifest.man).toEqual(["./man/cryptodev.1"]);
    expect(read("cryptodev", "npm/man/cryptodev.1")).toMatch(`.TH CRYPTODEV 1 "" "cryptodev ${source.version}"`);
  });

  test("depends only on koffi, which has a compiled part that a bundle cannot contain", () => {
    expect(manifest.dependencies).toEqual({ koffi: manifestOf("node").dependencies?.koffi });
    expect(manifest).not.toHaveProperty("devDependencies");
  });

  test("does not have an install script", () => {
    expect(manifest).not.toHaveProperty("scripts");
  });

  test("imports files that exist", () => {
    for (const file of Object.values(manifest.imports ?? {}).flatMap((files) => Object.values(files))) {
      expect(existsSync(join(root, "packages/cryptodev/npm", file)), file).toBe(true);
    }
  });
});
