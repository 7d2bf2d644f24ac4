/*
 * Runs an example in Node.js, Deno and Bun, one after the other: `node run.mjs 01_demo1`.
 *
 * It fails if a runtime is missing or fails, or if the ciphertexts of the demo differ.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const [name] = process.argv.slice(2);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bin = (runtime) => here(`../node_modules/.bin/${runtime}`);

const isDemo = name === "01_demo1";

// Node.js 20 cannot run TypeScript, so Node.js runs the output of tsc for the same file.
const commands = [
  [process.execPath, here(`dist/${name}.js`)],
  // The demo only needs the device; other examples read and write files, or start threads.
  [bin("deno"), "run", ...(isDemo ? ["--allow-ffi", "--allow-env=CRYPTODEV_BACKEND"] : ["-A"]), here(`${name}.ts`)],
  [bin("bun"), here(`${name}.ts`)],
];

function fail(why) {
  console.error(`${name} failed: ${why}`);
  process.exit(1);
}

const ciphertexts = commands.map(([command, ...args]) => {
  const { status, error, stdout } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  console.log(stdout ?? "");
  if (status !== 0) fail(`${[command, ...args].join(" ")}: ${error?.message ?? `exit status ${status}`}`);
  if (!isDemo) return "";
  return stdout.match(/^.*ciphertext.*$/gm)?.join("\n") ?? fail(`${command} printed no ciphertext`);
});
if (new Set(ciphertexts).size > 1) fail(`the ciphertexts differ\n${ciphertexts.join("\n")}`);
if (isDemo) console.log("All three ciphertexts are equal");
