/*
 * Checks the package as it would be published: packs it, runs publint and attw on the tarball, prints its size and that
 * of everything that npm installs with it, and runs `deno publish --dry-run`. Run it with `node packages/check.mjs` or
 * `npm run check:packages`.
 */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const published = join(root, "packages/cryptodev/npm");
const bin = (name) => join(root, "node_modules/.bin", name);
/** What a tarball contains besides the built files. */
const documents = ["LICENSE", "LICENSES-BUNDLED.txt", "README.md", "package.json"];

const folder = mkdtempSync(join(tmpdir(), "cryptodev-packages-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

let failures = 0;
function fail(what, output) {
  failures += 1;
  console.log(`*** ${what}\n${output}`);
}

/**
 * Runs a checker. If it fails, prints its output.
 *
 * @returns its standard output
 */
function check(what, cwd, command, ...args) {
  const env = { ...process.env, NO_COLOR: "1" };
  // Write to a file: npm exits before it has written everything to a pipe.
  const output = join(folder, "output");
  const file = openSync(output, "w");
  const { status, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["ignore", file, "pipe"],
  });
  closeSync(file);
  const stdout = readFileSync(output, "utf8");
  if (status !== 0) fail(what, `${stdout}${stderr}${error?.message ?? ""}`);
  return stdout;
}

/** Lists the files that are missing from a tarball, and those that should not be in it. */
function misplaced(paths, { exports, bin: programs, man: pages }) {
  const files = [...Object.values(exports).flatMap(Object.values), ...Object.values(programs), ...pages];
  const expected = [...documents, ...files.map((path) => path.replace("./", ""))];
  const isBuilt = (path) => /^dist\/[\w/-]+\.(js|js\.map|d\.ts)$/.test(path);
  return [
    ...expected.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`),
    ...paths
      .filter((path) => !expected.includes(path) && !isBuilt(path))
      .map((path) => `${path} is neither a document nor built`),
  ];
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10);

/** The files of an installed package, without those of packages inside it. */
function sizeOf(path) {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Installs the tarball into an empty folder, and prints the size of each package there. */
function installFrom(tarball) {
  const place = join(folder, "installed");
  mkdirSync(place);
  writeFileSync(join(place, "package.json"), '{ "private": true }');
  check(
    "npm install",
    place,
    "npm",
    "install",
    "--prefer-offline",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    tarball,
  );
  const { packages } = JSON.parse(readFileSync(join(place, "package-lock.json"), "utf8"));
  const sizes = Object.keys(packages)
    .filter((path) => path !== "" && existsSync(join(place, path)))
    .map((path) => [path.replace("node_modules/", ""), sizeOf(join(place, path))]);
  console.log("npm install cryptodev:");
  for (const [name, size] of sizes) console.log(`  ${name.padEnd(28)}${kilobytes(size)}`);
  console.log(`  ${"in all".padEnd(28)}${kilobytes(sizes.reduce((sum, [, size]) => sum + size, 0))}`);
}

if (existsSync(published)) {
  const answer = check("npm pack", published, "npm", "pack", "--json", "--pack-destination", folder);
  const [packed] = Object.values(JSON.parse(answer));
  const paths = packed.files.map(({ path }) => path);
  const tarball = join(folder, packed.filename);
  console.log(
    `${packed.name}:${kilobytes(packed.size)} packed, ${kilobytes(packed.unpackedSize)} in ${paths.length} files`,
  );
  const sizeIn = (end) =>
    packed.files.filter(({ path }) => path.endsWith(end)).reduce((sum, { size }) => sum + size, 0);
  for (const [what, end] of [
    ["code", ".js"],
    ["declarations", ".d.ts"],
    ["source maps, with the sources", ".map"],
  ]) {
    console.log(`  ${what.padEnd(30)}${kilobytes(sizeIn(end))}`);
  }
  const wrong = misplaced(paths, JSON.parse(readFileSync(join(published, "package.json"), "utf8")));
  if (wrong.length > 0) fail("the contents of the tarball", wrong.join("\n"));
  check("publint", published, bin("publint"), "run", "--strict", tarball);
  check("attw", published, bin("attw"), tarball, "--profile", "esm-only");
  installFrom(tarball);
} else {
  fail("packages/cryptodev is not built", "npm run build");
}

// --allow-dirty: the tree does not have to be clean for a check, as it does for publishing.
check("deno publish --dry-run", root, bin("deno"), "publish", "--dry-run", "--allow-dirty");
console.log(
  failures > 0
    ? `${failures} failed`
    : "the package passes npm pack, publint and attw, and the sources pass deno publish",
);
process.exit(failures === 0 ? 0 : 1);
