/** The little of the runtimes' globals that is used here; their own types stay out of the published ones. */
interface Globals {
  readonly process?: { readonly env: Readonly<Record<string, string | undefined>> };
  readonly Deno?: {
    readonly permissions: { querySync(permission: { name: "env"; variable: string }): { readonly state: string } };
  };
}

/** Reads an environment variable; `undefined` also where the runtime does not allow it. */
export function variable(name: string): string | undefined {
  const { process, Deno } = globalThis as unknown as Globals;
  // Deno would stop and ask for a variable that it may not read; the program did not need it, so it is not asked for.
  const state = Deno?.permissions.querySync({ name: "env", variable: name }).state ?? "granted";
  // What a program added to Object.prototype is not in the environment.
  return state === "granted" && process !== undefined && Object.hasOwn(process.env, name)
    ? process.env[name]
    : undefined;
}
