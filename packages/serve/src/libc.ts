import type { LibcHost } from "@cryptodev/core";

/**
 * Returns the host that calls this runtime's libc.
 *
 * @throws {UnsupportedError} if libc cannot be reached
 */
export async function libcHost(): Promise<LibcHost> {
  if ("Deno" in globalThis) return (await import("@cryptodev/deno")).denoHost();
  if (process.versions.bun !== undefined) return (await import("@cryptodev/bun")).bunHost();
  return (await import("@cryptodev/node")).nodeHost();
}
