/*
 * Builds what npm publishes, in `npm/`: this package and all the others of this repository, bundled. A program then
 * installs one package, loads few files, which cost more to load than the code in them, and cannot get two copies of the
 * core, whose errors would not be instances of each other's classes. Run it after `tsc -b`: declarations are bundled
 * from those that it wrote.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { dts } from "rolldown-plugin-dts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const packages = join(root, "packages");
const own = join(packages, "cryptodev");
const target = join(own, "npm");

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const manifests = new Map(readdirSync(packages).map((name) => [name, readJson(join(packages, name, "package.json"))]));
const manifest = manifests.get("cryptodev");

/** The folder and the sub-path, such as `./abi`, of an import of one of our packages; `undefined` for any other. */
function ours(specifier) {
  const [, folder, path = ""] = /^@cryptodev\/([^/]+)(\/.+)?$/.exec(specifier) ?? [];
  return folder === undefined ? undefined : { folder, path: `.${path}` };
}

const stemOf = (built) => built.replace(/^\.\/dist\/(.*)\.js$/, "$1");
const sourceOf = (folder, built) => join(packages, folder, "src", `${stemOf(built)}.ts`);
const filesOf = (entries) =>
  Object.values(entries).flatMap((files) =>
    Object.entries(files).flatMap(([condition, file]) => (condition === "types" ? [] : [file])),
  );
const entriesOf = (files) => Object.fromEntries(files.map((file) => [stemOf(file), sourceOf("cryptodev", file)]));

const exported = entriesOf(filesOf(manifest.exports));
const entries = {
  ...exported,
  ...entriesOf(filesOf(manifest.imports)),
  command: sourceOf("cryptodev", "command"),
  // What is loaded by its URL, relative to the module that loads it.
  "node-crypto/hooks": sourceOf("node-crypto", "hooks"),
  "node-crypto/replacements/crypto": sourceOf("node-crypto", "replacements/crypto"),
  "node-crypto/replacements/worker_threads": sourceOf("node-crypto", "replacements/worker_threads"),
  "serve/worker": sourceOf("serve", "worker"),
};

const withoutQuery = (id) => id.replace(/\?.*/, "");

/** Finds the sources of our packages, and leaves the imports whose file the conditions of package.json select. */
const sources = {
  name: "sources",
  resolveId: {
    order: "pre",
    handler(specifier, importer) {
      if (specifier.startsWith("#")) return { id: specifier, external: true };
      // Imported only to be loaded, which bundlers omit.
      if (specifier === "./soft.ts") return { id: "./soft.js", external: true };
      // Only one file of runtime/ is ever loaded, so each gets a copy of the modules that they share.
      if (specifier === "./may_exist.ts") return `${join(dirname(importer), specifier)}?${basename(importer)}`;
      const { folder, path } = ours(specifier) ?? {};
      return folder && sourceOf(folder, manifests.get(folder).exports[path].default);
    },
  },
  load(id) {
    // The build wrote the worker's text.
    if (id === sourceOf("cryptodev", "async/worker_program")) {
      return readFileSync(join(own, "dist/async/worker_program.js"), "utf8");
    }
    return id.includes("may_exist.ts?") ? { code: readFileSync(withoutQuery(id), "utf8"), moduleType: "ts" } : null;
  },
};

/**
 * The files that entries share: about one for each package. What several match is in the first, and so is what it
 * imports, so a package follows those that it imports.
 */
const shared = [
  ...["core", "soft", "node", "deno", "bun"].map((name) => [name, new RegExp(`packages/${name}/src/`)]),
  // `register-webcrypto` needs the module delegate without the rest of node-crypto.
  [
    "main",
    /packages\/(cryptodev\/src\/(index|open|streams|thread_device|async\/(open_async|program_url))|node-crypto\/src\/delegate)\.ts$/,
  ],
  ["webcrypto", /packages\/(webcrypto\/src\/|cryptodev\/src\/webcrypto\.ts$)/],
  ["serve/server", /packages\/serve\/src\/(?!worker\.ts)/],
  ["node_crypto", /packages\/node-crypto\/src\/(?!hooks|re)/],
  // Each of these is loaded in threads or programs that do not load the others.
  ...["hooks", "replacements/crypto", "replacements/switched_worker", "replacements/worker_threads"].map((name) => [
    `node-crypto/parts/${basename(name)}`,
    new RegExp(`packages/node-crypto/src/${name}\\.ts$`),
  ]),
  ["node-crypto/redirect", /packages\/node-crypto\/src\/(redirect|register_threads)\.ts$/],
  ["node-crypto/register", /packages\/node-crypto\/src\/register\.ts$/],
  ["async", /packages\/cryptodev\/src\/async\//],
  ["cli", /packages\/cli\/src\/(run|exit_codes|usage_error)\.ts$/],
];

const output = {
  dir: join(target, "dist"),
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: ({ name }) => (name.includes("/") ? "[name].js" : "parts/[name].js"),
};

/** Bundles the code. Returns its files. */
async function bundleCode() {
  const bundle = await rolldown({
    input: entries,
    platform: "node",
    external: [/^node:/],
    preserveEntrySignatures: "allow-extension",
    transform: { target: "es2022" },
    plugins: [sources],
  });
  const written = await bundle.write({
    ...output,
    comments: false,
    sourcemap: true,
    // Stack traces name the sources by their paths in the repository.
    sourcemapPathTransform: (source, map) => {
      const path = relative(root, join(dirname(map), withoutQuery(source)));
      return join(relative(dirname(map), target), path);
    },
    codeSplitting: { groups: shared.map(([name, test], index) => ({ name, test, priority: shared.length - index })) },
  });
  return written.output.filter(({ type }) => type === "chunk");
}

/** Bundles the declarations of what is exported. */
async function bundleDeclarations() {
  const bundle = await rolldown({
    input: exported,
    platform: "node",
    external: [/^node:/],
    plugins: [dts({ oxc: true, emitDtsOnly: true, sourcemap: false }), sources],
  });
  await bundle.write({ ...output, chunkFileNames: "types/[name].js" });
}

/** The folder of the package that contains a file of node_modules. */
const packageOf = (file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];

/** The licences of the packages of others that the bundle contains. */
function licences(chunks) {
  const folders = new Set(chunks.flatMap(({ moduleIds }) => moduleIds.map(packageOf)).filter(Boolean));
  return [...folders].sort().map((folder) => {
    const { name, version, license } = readJson(join(folder, "package.json"));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${folder} has no file with its licence`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
}

/** Writes the manifest, with only what applies to the published package. */
function writeManifest() {
  const { private: _private, scripts: _scripts, devDependencies: _tools, dependencies: _bundled, ...rest } = manifest;
  const libc = manifests.get("serve").imports["#libc"];
  const published = {
    ...rest,
    imports: {
      ...rest.imports,
      "#libc": Object.fromEntries(
        Object.entries(libc).map(([condition, name]) => [condition, `./dist/${ours(name).folder}.js`]),
      ),
    },
    // A compiled addon, which a bundle cannot contain.
    dependencies: { koffi: manifests.get("node").dependencies.koffi },
  };
  writeFileSync(join(target, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const name of ["LICENSE", "README.md", "bin"]) cpSync(join(own, name), join(target, name), { recursive: true });
const chunks = await bundleCode();
await bundleDeclarations();
writeManifest();
mkdirSync(join(target, "man"));
writeFileSync(
  join(target, "man/cryptodev.1"),
  execFileSync(globalThis.process.execPath, [join(target, "bin/cryptodev.mjs"), "man"]),
);
writeFileSync(join(target, "LICENSES-BUNDLED.txt"), licences(chunks).join(`\n${"-".repeat(80)}\n\n`));

const external = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]);
const missing = external.filter((name) => !/^(node:|#)|\.js$/.test(name));
if (missing.length > 0) throw new Error(`the bundle needs ${missing.join(", ")}, which npm would not install`);
