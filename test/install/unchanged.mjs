/*
 * A user's program that imports every export path of the package, and prints what that changed in the process as one line
 * of JSON. Its standard input has to be a pipe, which importing node:process makes non-blocking in Node.js.
 */
import { readFileSync } from "node:fs";
// In Deno, importing this module adds a global.
import "node:module";

const { exports } = JSON.parse(readFileSync("node_modules/cryptodev/package.json", "utf8"));
const entries = Object.keys(exports).map((path) => path.replace(".", "cryptodev"));

function look() {
  const { process } = globalThis;
  return {
    // Only standard input: the flags of standard output change with the first write, and when Node.js 20 starts its
    // hooks' thread.
    flags: /flags:\s*(\d+)/.exec(readFileSync("/proc/self/fdinfo/0", "utf8"))[1],
    listeners: process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`),
    globals: Object.getOwnPropertyNames(globalThis).sort(),
    environment: Object.entries(process.env).sort(),
    folder: process.cwd(),
    limit: Error.stackTraceLimit,
  };
}

const changes = [];
for (const entry of entries) {
  const before = look();
  await import(entry);
  const after = look();
  for (const [name, value] of Object.entries(before)) {
    if (JSON.stringify(value) !== JSON.stringify(after[name])) changes.push([entry, name]);
  }
}
console.log(JSON.stringify(changes));
