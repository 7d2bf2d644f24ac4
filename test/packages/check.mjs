/*
 * Checks the packages as they would be published: packs each, has publint and attw judge the tarball, prints its size, and
 * tries what `deno publish` would do. `node packages/check.mjs`, or `npm run check:packages`.
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
/** What a tarball may hold besides the sources and what is made of them. */
const documents = ["LICENSE", "README.md", "package.json"];

const folder = mkdtempSync(join(tmpdir(), "cryptodev-packages-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

let failures = 0;
function fail(what, output) {
  failures += 1;
  console.log(`*** ${what}\n${output}`);
}

/** Runs a checker. @returns what it wrote, which is shown where it found something */
function check(what, cwd, command, ...args) {
  const env = { ...process.env, NO_COLOR: "1" };
  // To a file: npm ends before a pipe has taken all that it says.
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

/** What is missing in a tarball, and what should not be in it. */
function misplaced(name, paths) {
  const sources = paths.filter((path) => path.startsWith("src/"));
  const made = sources.flatMap((path) => {
    const stem = path.replace(/^src\/(.*)\.ts$/, "dist/$1");
    return [`${stem}.js`, `${stem}.js.map`, `${stem}.d.ts`, `${stem}.d.ts.map`];
  });
  const expected = [...documents, ...sources, ...made];
  return [
    ...expected.filter((path) => !paths.includes(path)).map((path) => `${name} lacks ${path}`),
    ...paths
      .filter((path) => !expected.includes(path))
      .map((path) => `${name} holds ${path}, which belongs to nothing`),
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
    `${packed.name.padEnd(18)}${kilobytes(packed.size)} packed, ${kilobytes(packed.unpackedSize)} in ${paths.length} files`,
  );
  const wrong = misplaced(name, paths);
  if (wrong.length > 0) fail(`the contents of ${name}`, wrong.join("\n"));
  check(`publint of ${name}`, cwd, bin("publint"), "run", "--strict", tarball);
  check(`attw of ${name}`, cwd, bin("attw"), tarball, "--profile", "esm-only");
}

// The tree of who checks is seldom clean; that of who publishes has to be.
check("deno publish --dry-run", root, bin("deno"), "publish", "--dry-run", "--allow-dirty");
console.log(failures > 0 ? `${failures} failed` : "all packages pass npm pack, publint, attw and deno publish");
process.exit(failures === 0 ? 0 : 1);
