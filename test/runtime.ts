import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";
import { type Dialect, type Host, libcHost } from "@cryptodev/core/host";
import { runtime } from "cryptodev";

/** The name of this runtime: the first word of the library's `runtime`. */
export const runtimeName = runtime.split(" ")[0] as "Node.js" | "Deno" | "Bun";

const dialects = {
  "Node.js": async () => (await import("@cryptodev/node")).dialect(),
  Deno: async () => (await import("@cryptodev/deno")).dialect(),
  Bun: async () => (await import("@cryptodev/bun")).dialect(),
};

/** How this runtime calls the real libc. */
export const realDialect: () => Promise<Dialect> = dialects[runtimeName];

/** The runtime's own host, which calls the real libc. */
export const realHost = async (): Promise<Host> => libcHost(await realDialect());

function findCollector(): () => void {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (Bun !== undefined) return () => Bun.gc(true);
  if (gc !== undefined) return gc;
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}

/** For `expect.poll()` and `vi.waitUntil()`: how long others may take, which can use all processors meanwhile. */
export const patience = { timeout: 30_000 * Number(process.env.TEST_PATIENCE ?? 1), interval: 10 } as const;

/** Collects all garbage at once. */
export const collectGarbage: () => void = findCollector();

/** Collects garbage until the condition holds, or long enough for finalizers to run. */
export async function collectUntil(condition: () => boolean, rounds = 50): Promise<void> {
  for (let round = 0; round < rounds && !condition(); round += 1) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
