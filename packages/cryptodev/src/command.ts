/* The command, which bin/cryptodev.mjs starts. No other module imports this one. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run } from "@cryptodev/cli";
import { open, runtime } from "./index.ts";
import { BACKEND_VARIABLE, backends, TRACE_VARIABLE } from "./open.ts";

await run({
  version: JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version,
  runtime,
  backends,
  variables: { backend: BACKEND_VARIABLE, trace: TRACE_VARIABLE },
  file: fileURLToPath(new URL("../bin/cryptodev.mjs", import.meta.url)),
  open,
});
