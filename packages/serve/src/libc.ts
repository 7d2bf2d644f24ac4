import type { LibcHost } from "@cryptodev/core";

/**
 * The libc of this runtime.
 *
 * @throws `UnsupportedError` where it cannot be reached
 */
export async function libcHost(): Promise<LibcHost> {
  if ("Deno" in globalThis) return (await import("@cryptodev/deno")).denoHost();
  if (process.versions.bun !== undefined) return (await import("@cryptodev/bun")).bunHost();
  return (await import("@cryptodev/node")).nodeHost();
}
