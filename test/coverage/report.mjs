/*
 * Reports how much of each package the last run with coverage covered: see run.mjs. Source maps lead from the builds back
 * to the sources.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { CoverageReport } from "monocart-coverage-reports";
import { dataOf } from "./parts.mjs";
import { leastLines } from "./thresholds.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

const builtOf = (source) => source.replace("/src/", "/dist/").replace(/\.ts$/, ".js");

/** A built script with its source map, in the form that reports require. */
function scriptAndMap(file) {
  const map = JSON.parse(readFileSync(`${file}.map`, "utf8"));
  const sources = map.sources.map((source) => new URL(source, pathToFileURL(file)).href);
  const sourcesContent = sources.map((source) => readFileSync(fileURLToPath(source), "utf8"));
  return { source: readFileSync(file, "utf8"), sourceMap: { ...map, sources, sourcesContent } };
}

const report = new CoverageReport({
  outputDir: fileURLToPath(new URL("results/report", import.meta.url)),
  logging: "error",
  reports: ["html"],
  baseDir: root,
  entryFilter: ({ url }) => /\/packages\/[\w-]+\/(dist|src)\//.test(url),
  sourceFilter: (path) => /^packages\/[\w-]+\/src\//.test(path),
  // Files that no test loads count too, unless they contain only types.
  all: {
    dir: join(root, "packages"),
    filter: (file) =>
      /\/packages\/[\w-]+\/src\/.*\.ts$/.test(file) && !/^export \{\};$/m.test(readFileSync(builtOf(file), "utf8")),
    transformer: (entry) => Object.assign(entry, scriptAndMap(builtOf(fileURLToPath(entry.url)))),
  },
});
/** Removes data that is not whole: a process that a test kills while it writes leaves a part of a file. */
function removeParts(folder) {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    try {
      JSON.parse(readFileSync(file, "utf8"));
    } catch {
      rmSync(file);
    }
  }
}

for (const runtime of ["node", "deno"]) removeParts(dataOf(runtime));
await report.addFromDir(dataOf("node"));
// Deno writes one file for each script, without the script itself, which Node.js adds.
for (const name of readdirSync(dataOf("deno"))) {
  const script = JSON.parse(readFileSync(join(dataOf("deno"), name), "utf8"));
  if (/\/packages\/(deno|soft)\/dist\//.test(script.url))
    await report.add([{ ...script, ...scriptAndMap(fileURLToPath(script.url)) }]);
}
const { files } = await report.generate();

// Lines that contain types count as lines; the other kinds count only code that runs.
const kinds = ["lines", "statements", "functions", "branches"];
const packages = new Map();
let failed = false;
for (const { sourcePath, summary } of files) {
  const [, name] = sourcePath.split("/");
  const sums = packages.get(name) ?? kinds.map(() => ({ covered: 0, total: 0 }));
  for (const [index, kind] of kinds.entries()) {
    sums[index].covered += summary[kind].covered;
    sums[index].total += summary[kind].total;
  }
  packages.set(name, sums);
}

const row = (first, cells) => console.log(first.padEnd(12) + cells.map((cell) => cell.padStart(20)).join(""));
console.log("");
row("package", kinds);
for (const name of [...packages.keys()].sort()) {
  const sums = packages.get(name);
  if (name === "bun") {
    row(
      name,
      kinds.map(() => "not measurable"),
    );
    continue;
  }
  row(
    name,
    sums.map(({ covered, total }) => `${((100 * covered) / total).toFixed(1)} % of ${total}`),
  );
  const [lines] = sums;
  const least = leastLines[name] ?? 0;
  if (lines.covered >= (lines.total * least) / 100) continue;
  console.log(`${name} must have at least ${least} % of its lines covered`);
  failed = true;
}
console.log(`
The host of Deno was measured in Deno, and the software device there too; everything else in Node.js
${process.versions.node}. Bun records coverage only for \`bun test\`: its host is tested like the others, but not measured.
A version of Node.js uses only one half of its host: node_ffi.ts from 26 on, koffi.ts before.
Only \`npm run coverage\` records the tests of the command; a run of the whole suite does not.
Line by line: test/coverage/results/report/index.html`);
process.exit(failed ? 1 : 0);
