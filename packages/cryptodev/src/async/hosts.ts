import { bunHost } from "@cryptodev/bun";
import { UnsupportedError } from "@cryptodev/core";
import type { Host } from "@cryptodev/core/host";
import { denoHost } from "@cryptodev/deno";
import { nodeHost } from "@cryptodev/node";

/**
 * Returns the host of a runtime, given its entry's `runtime`. The program of a thread is the same in every runtime, and
 * export conditions do not apply to it.
 *
 * @throws {UnsupportedError} if the runtime does not have a host
 */
export function hostOf(runtime: string): Host {
  if (runtime.startsWith("Node.js")) return nodeHost();
  if (runtime.startsWith("Deno")) return denoHost();
  if (runtime.startsWith("Bun")) return bunHost();
  throw new UnsupportedError(
    "platform",
    `a kernel device can be opened only in Node.js, Deno and Bun, not in ${runtime}`,
  );
}
