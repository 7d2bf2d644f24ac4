/* The command, which bin/cryptodev.mjs starts. No other module imports this one. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run } from "@cryptodev/cli";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
await run(version, async () => {
  const [{ open, runtime }, { BACKEND_VARIABLE, backends, TRACE_VARIABLE }] = await Promise.all([
    import("./index.ts"),
    import("./open.ts"),
  ]);
  return {
    runtime,
    backends,
    variables: { backend: BACKEND_VARIABLE, trace: TRACE_VARIABLE },
    file: fileURLToPath(new URL("../bin/cryptodev.mjs", import.meta.url)),
    open,
  };
});
