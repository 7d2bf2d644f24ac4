import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";
import type { LibcHost } from "@cryptodev/core";
import { libcHost } from "@cryptodev/serve";
import { runtime } from "cryptodev";

/** Which runtime this is: the first word of what the library says of itself. */
export const runtimeName = runtime.split(" ")[0] as "Node.js" | "Deno" | "Bun";

/** The runtime's own host, which calls the real libc. */
export const realHost: () => Promise<LibcHost> = libcHost;

function findCollector(): () => void {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (Bun !== undefined) return () => Bun.gc(true);
  if (gc !== undefined) return gc;
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}

/** Collects all garbage, now. */
export const collectGarbage: () => void = findCollector();

/** Collects garbage until finalizers had their turn, or the condition holds. */
export async function collectUntil(condition: () => boolean, rounds = 50): Promise<void> {
  for (let round = 0; round < rounds && !condition(); round += 1) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whether a `REQUIRE_` variable forbids to skip what this machine lacks. */
export function isRequired(name: string): boolean {
  return (process.env[`REQUIRE_${name}`] ?? "") !== "";
}
