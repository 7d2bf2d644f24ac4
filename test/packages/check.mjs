/*
 * Checks the packages as they would be published: packs each, runs publint and attw on the tarball, prints its size,
 * and runs `deno publish --dry-run`. Run it with `node packages/check.mjs` or `npm run check:packages`.
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const packages = join(root, "packages");
const bin = (name) => join(root, "node_modules/.bin", name);
/** What a tarball contains besides the sources and the built files. */
const documents = ["LICENSE", "README.md", "package.json"];

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

/**
 * Lists the files that are missing from a tarball, and those that should not be in it.
 *
 * @param programs - the package's commands, which are neither sources nor built
 */
function misplaced(name, paths, programs) {
  const sources = paths.filter((path) => path.startsWith("src/"));
  const made = sources.flatMap((path) => {
    const stem = path.replace(/^src\/(.*)\.ts$/, "dist/$1");
    return [`${stem}.js`, `${stem}.js.map`, `${stem}.d.ts`, `${stem}.d.ts.map`];
  });
  const expected = [...documents, ...programs, ...sources, ...made];
  return [
    ...expected.filter((path) => !paths.includes(path)).map((path) => `${path} is missing from ${name}`),
    ...paths
      .filter((path) => !expected.includes(path))
      .map((path) => `${name} contains ${path}, which is neither a source nor built from one`),
  ];
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(9);

for (const name of readdirSync(packages)) {
  const cwd = join(packages, name);
  if (!existsSync(join(cwd, "dist"))) {
    fail(`packages/${name} is not built`, "npm run build");
    continue;
  }
  const answer = check(`npm pack of ${name}`, cwd, "npm", "pack", "--json", "--pack-destination", folder);
  const [packed] = Object.values(JSON.parse(answer));
  const paths = packed.files.map(({ path }) => path);
  const tarball = join(folder, packed.filename);
  console.log(
    `${packed.name.padEnd(24)}${kilobytes(packed.size)} packed, ${kilobytes(packed.unpackedSize)} in ${paths.length} files`,
  );
  const { bin: programs = {} } = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"));
  const wrong = misplaced(
    name,
    paths,
    Object.values(programs).map((path) => path.replace("./", "")),
  );
  if (wrong.length > 0) fail(`the contents of ${name}`, wrong.join("\n"));
  check(`publint of ${name}`, cwd, bin("publint"), "run", "--strict", tarball);
  check(`attw of ${name}`, cwd, bin("attw"), tarball, "--profile", "esm-only");
}

// --allow-dirty: the tree does not have to be clean for a check, as it does for publishing.
check("deno publish --dry-run", root, bin("deno"), "publish", "--dry-run", "--allow-dirty");
console.log(failures > 0 ? `${failures} failed` : "all packages pass npm pack, publint, attw and deno publish");
process.exit(failures === 0 ? 0 : 1);
