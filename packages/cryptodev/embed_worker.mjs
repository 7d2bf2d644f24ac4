/*
 * Writes the worker and all its imports, as text, to the file that tsc built from src/async/worker_program.ts, which
 * says why. The text does not have a location: whoever starts it defines from where it resolves native modules.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const built = (name) => fileURLToPath(new URL(`dist/async/${name}.js`, import.meta.url));

const bundle = await rolldown({
  input: built("worker"),
  platform: "node",
  transform: { define: { "import.meta.url": "cryptodevBase" } },
});
const { output } = await bundle.generate({ format: "esm", minify: true });
const [{ code, imports }, ...others] = output;
const missing = imports.filter((name) => !name.startsWith("node:"));
if (others.length > 0 || missing.length > 0) {
  throw new Error(
    `the worker has to be one text, and it also needs ${[...others.map((file) => file.fileName), ...missing].join(", ")}`,
  );
}
const file = built("worker_program");
writeFileSync(
  file,
  `export const workerProgram = ${JSON.stringify(code)};\n//# sourceMappingURL=worker_program.js.map\n`,
);
const map = {
  version: 3,
  file: "worker_program.js",
  sources: ["../../src/async/worker_program.ts"],
  names: [],
  mappings: "AAAA",
};
writeFileSync(`${file}.map`, JSON.stringify(map));
