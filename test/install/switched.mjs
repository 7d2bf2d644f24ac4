/*
 * A user's program that is switched over, and starts worker threads in all ways. It prints one line of JSON: whether
 * each thread used the device, or the error that prevented finding out.
 */
import { createHash, default as imported } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
// biome-ignore lint/style/useNodejsImportProtocol: Deno does not switch over a Worker that is imported with the prefix
import { Worker } from "worker_threads";

const require = createRequire(import.meta.url);
const names = ["crypto", "node:crypto"];
const test = '!("_options" in createHash("sha1"))';
const script = `require("worker_threads").parentPort.postMessage(!("_options" in require("crypto").createHash("sha1")))`;
const module = `import { createHash } from "crypto"; import { parentPort } from "node:worker_threads"; parentPort.postMessage(${test})`;
const web = `import { createHash } from "node:crypto"; onmessage = ({ data }) => postMessage([data, ${test}])`;
const url = (code) => new URL(`data:text/javascript,${encodeURIComponent(code)}`);

const run = (file, options) =>
  new Promise((resolve) => {
    const worker = new Worker(file, options);
    worker.once("message", (message) => {
      worker.terminate();
      resolve(message);
    });
    worker.once("error", (error) => resolve(error.message));
  });

const runWeb = () =>
  new Promise((resolve) => {
    const worker = new globalThis.Worker(url(web), { type: "module" });
    worker.onmessage = ({ data }) => {
      worker.terminate();
      resolve(data);
    };
    // Posted before the module runs.
    worker.postMessage("early");
  });

writeFileSync("worker.cjs", script);
writeFileSync("worker.mjs", module);
// A script's own declarations must not break registering, and it must keep its strict mode and its import().
const hiding = 'const process = 1, URL = 2, globals = 3; require("worker_threads").parentPort.postMessage';
const isStrict = "(function () { return this === undefined; })()";
const nested = `const { Worker, parentPort } = require("worker_threads"); new Worker(${JSON.stringify(script)}, { eval: true }).once("message", (message) => parentPort.postMessage(message))`;

console.log(
  JSON.stringify({
    main: !("_options" in createHash("sha1")),
    isOneObject: names.every((name) => require(name) === imported) && (await import(names[1])).default === imported,
    isOneClass: require("node:worker_threads").Worker === Worker,
    resolved: "Bun" in globalThis ? "crypto" : require.resolve("crypto"),
    script: await run("./worker.cjs"),
    module: await run(new URL("worker.mjs", import.meta.url)),
    url: await run(url(module)),
    text: await run(script, { eval: true }),
    strict: await run(`#!/bin/node\n/* text */ "use strict"; ${hiding}(${isStrict})`, { eval: true }),
    sloppy: await run(`${hiding}(${isStrict})`, { eval: true }),
    importing: await run(`import("node:path").then(() => { ${script} })`, { eval: true }),
    nested: await run(nested, { eval: true }),
    web: "Worker" in globalThis ? await runWeb() : ["early", true],
  }),
);
process.exit();
