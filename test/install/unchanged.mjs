/*
 * A program of somebody else's that imports every module of the packages, and prints what that changed of the process as one
 * line of JSON. Its standard input is to be a pipe, as the import of node:process makes that non-blocking in Node.js.
 */
import { readFileSync } from "node:fs";
// Deno itself has a global more after this one.
import "node:module";

const entries = [
  ...["core", "node", "deno", "bun", "soft", "serve"].map((name) => `@cryptodev/${name}`),
  "cryptodev",
  "cryptodev/crypto",
  "cryptodev/register-crypto",
];

function look() {
  const { process } = globalThis;
  return {
    // Those of standard output change as soon as something is written there, or Node.js 20 starts a thread for its hooks.
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
