import { existsSync } from "node:fs";

/** The part of the permission APIs of Node.js and Deno that is used here. */
interface Globals {
  readonly process: {
    readonly platform: string;
    readonly permission?: { has(scope: "fs.read", path: string): boolean };
  };
  readonly Deno?: {
    readonly permissions: { querySync(permission: { name: "read"; path: string }): { readonly state: string } };
  };
}

/**
 * Checks whether a device exists.
 *
 * @returns also `true` if the program is not permitted to check; Deno would stop and ask the user for that permission
 */
export function mayExist(path: string): boolean {
  const { process, Deno } = globalThis as unknown as Globals;
  // No other system has /dev/crypto of this kind.
  if (process.platform !== "linux") return false;
  const mayLook =
    Deno === undefined
      ? (process.permission?.has("fs.read", path) ?? true)
      : Deno.permissions.querySync({ name: "read", path }).state === "granted";
  if (!mayLook) return true;
  try {
    return existsSync(path);
  } catch {
    // Deno shows devices only to programs that have all permissions.
    return true;
  }
}
