import { existsSync } from "node:fs";

/** The permissions of Node.js and Deno. */
interface Globals {
  readonly process: {
    readonly platform: string;
    readonly permission?: { has(scope: "fs.read", path: string): boolean };
  };
  readonly Deno?: {
    readonly permissions: { querySync(permission: { name: "read"; path: string }): { readonly state: string } };
  };
}

/** Whether a device exists, or may: a program may be forbidden to look, and Deno would stop and ask. */
export function mayExist(path: string): boolean {
  const { process, Deno } = globalThis as unknown as Globals;
  // No other system has one.
  if (process.platform !== "linux") return false;
  const mayLook =
    Deno === undefined
      ? (process.permission?.has("fs.read", path) ?? true)
      : Deno.permissions.querySync({ name: "read", path }).state === "granted";
  if (!mayLook) return true;
  try {
    return existsSync(path);
  } catch {
    // Deno shows devices only to programs that may do everything.
    return true;
  }
}
