/*
 * Runs an example in Node.js, Deno and Bun, one after the other: `node run.mjs 01_demo1`. Arguments after the name are
 * those of the example. Without a name it lists the examples.
 *
 * It fails if a runtime is missing or fails, or if the ciphertexts of the demo differ.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bin = (runtime) => here(`../node_modules/.bin/${runtime}`);

/** The names of the examples, in lines with what their first comment says they do. */
function list() {
  const files = readdirSync(here(".")).filter((file) => /^\d\d_.*\.ts$/.test(file));
  return files.sort().map((file) => {
    const comment = readFileSync(here(file), "utf8").replaceAll("\n * ", " ");
    const [, summary] = /^\/\*\s+(.*?[.:?])(?=\s)/.exec(comment) ?? [];
    return `  ${file.replace(".ts", "").padEnd(16)}  ${summary.replace(/[.:]$/, "")}`;
  });
}

const [name, ...args] = process.argv.slice(2);
const examples = list();
if (name === undefined) {
  console.log(`npm run example -- <name>\n\n${examples.join("\n")}`);
  process.exit(0);
}
if (!examples.some((line) => line.startsWith(`  ${name} `))) {
  console.error(`unknown example: ${name}; the examples are\n\n${examples.join("\n")}`);
  process.exit(2);
}

const isDemo = name === "01_demo1";

const commands = {
  // Node.js 20 cannot run TypeScript, so Node.js runs the output of tsc for the same file.
  "Node.js": [process.execPath, here(`dist/${name}.js`)],
  // The demo only needs the device; other examples read and write files, or start threads.
  Deno: [
    bin("deno"),
    "run",
    ...(isDemo ? ["--allow-ffi", "--allow-env=CRYPTODEV_BACKEND"] : ["-A"]),
    here(`${name}.ts`),
  ],
  Bun: [bin("bun"), here(`${name}.ts`)],
};

function fail(why) {
  console.error(`${name} failed: ${why}`);
  process.exit(1);
}

const ciphertexts = Object.entries(commands).map(([runtime, [command, ...flags]]) => {
  console.log(`=== ${name} in ${runtime} ===`);
  const { status, error, stdout } = spawnSync(command, [...flags, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  console.log(stdout ?? "");
  if (status !== 0) fail(`${[command, ...flags].join(" ")}: ${error?.message ?? `exit status ${status}`}`);
  if (!isDemo) return "";
  return stdout.match(/^.*ciphertext.*$/gm)?.join("\n") ?? fail(`${command} printed no ciphertext`);
});
if (new Set(ciphertexts).size > 1) fail(`the ciphertexts differ\n${ciphertexts.join("\n")}`);
if (isDemo) console.log("All three ciphertexts are equal");
