/*
 * Runs the mutation tests in two passes, and prints the score and the changes that no test noticed: `npm run mutation`.
 * Arguments are those of Stryker for the first pass, such as `--mutate packages/core/src/device.ts`.
 *
 * Slow tests reach nearly every change, so the second pass runs them only for what the first one left.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Runs a pass. Returns its changes, by what identifies each. */
function run(pass, args) {
  const env = { ...process.env, PASS: pass };
  const command = [here("stryker.config.mjs"), ...args];
  const { status } = spawnSync(here("node_modules/.bin/stryker"), ["run", ...command], {
    cwd: here("../.."),
    env,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  const { files } = JSON.parse(readFileSync(here(`results/${pass}.json`), "utf8"));
  const changes = Object.entries(files).flatMap(([file, { mutants }]) =>
    mutants.map((mutant) => {
      const { start, end } = mutant.location;
      // Stryker counts columns from 1 in its results, and from 0 in its arguments.
      const place = `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;
      return [`${place} ${mutant.mutatorName} ${mutant.replacement}`, { file, place, ...mutant }];
    }),
  );
  return new Map(changes);
}

const isNoticed = (mutant) => mutant?.status === "Killed" || mutant?.status === "Timeout";
const counts = (mutant) => mutant.status !== "Ignored" && !mutant.status.endsWith("Error");

const first = run("quick", process.argv.slice(2));
const left = [...first].filter(([, mutant]) => counts(mutant) && !isNoticed(mutant));
const places = [...new Set(left.map(([, { place }]) => place))];
const second = places.length > 0 ? run("slow", ["--mutate", places.join(",")]) : new Map();
const unnoticed = left.filter(([change]) => !isNoticed(second.get(change)));

const all = [...first.values()].filter(counts);
for (const file of new Set(all.map((mutant) => mutant.file))) {
  const total = all.filter((mutant) => mutant.file === file).length;
  const missed = unnoticed.filter(([, mutant]) => mutant.file === file);
  console.log(`${file}: ${total - missed.length} of ${total} noticed`);
  for (const [change] of missed) console.log(`  ${change.replaceAll(/\s+/g, " ").slice(file.length + 1)}`);
}
const noticed = all.length - unnoticed.length;
console.log(`${noticed} of ${all.length} changes noticed, ${((100 * noticed) / all.length).toFixed(1)} %`);
