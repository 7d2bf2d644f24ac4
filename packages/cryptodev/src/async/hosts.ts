import { bunHost } from "@cryptodev/bun";
import { type Host, UnsupportedError } from "@cryptodev/core";
import { denoHost } from "@cryptodev/deno";
import { nodeHost } from "@cryptodev/node";

/**
 * The host that the entry of a runtime uses, by the entry's `runtime`. A thread's program is the same in every runtime,
 * and no export condition chooses for it.
 */
export function hostOf(runtime: string): Host {
  if (runtime.startsWith("Node.js")) return nodeHost();
  if (runtime.startsWith("Deno")) return denoHost();
  if (runtime.startsWith("Bun")) return bunHost();
  throw new UnsupportedError(`a kernel device is reached from Node.js, Deno and Bun, and this is ${runtime}`);
}
