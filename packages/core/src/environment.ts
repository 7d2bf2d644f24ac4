/** The part of the runtimes' globals that is used here. Published declarations never need the runtimes' own types. */
interface Globals {
  readonly process?: { readonly env: Readonly<Record<string, string | undefined>> };
  readonly Deno?: {
    readonly permissions: { querySync(permission: { name: "env"; variable: string }): { readonly state: string } };
  };
}

/**
 * Reads an environment variable.
 *
 * @returns `undefined` if it is not set, or if the runtime does not allow reading it
 * @example
 * ```ts
 * import { environmentVariable } from "cryptodev/host";
 *
 * console.log(environmentVariable("CRYPTODEV_NO_SUCH_VARIABLE")); // undefined
 * ```
 */
export function environmentVariable(name: string): string | undefined {
  const { process, Deno } = globalThis as unknown as Globals;
  // Deno would stop and ask the user for permission to read the variable, although the program does not depend on it.
  const state = Deno?.permissions.querySync({ name: "env", variable: name }).state ?? "granted";
  // Object.hasOwn: properties that a program added to Object.prototype are not environment variables.
  return state === "granted" && process !== undefined && Object.hasOwn(process.env, name)
    ? process.env[name]
    : undefined;
}
