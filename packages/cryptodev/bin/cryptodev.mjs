#!/usr/bin/env node
/* Starts the command. It is not built, because npm links the files of `bin` when it installs, before the build. */
import { existsSync } from "node:fs";

// Node.js before 20.4 does not have it. The command declares devices with `using`, which closes them through this symbol.
Symbol.dispose ??= Symbol("Symbol.dispose");

const command = new URL("../dist/command.js", import.meta.url);
if (existsSync(command)) {
  await import(command.href);
} else {
  console.error("cryptodev: it is not built; run `npm run build` in its repository");
  globalThis.process.exitCode = 1;
}
