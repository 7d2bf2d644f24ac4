import { nearest } from "@cryptodev/core/algorithms";
import { Option } from "commander";
import { UsageError } from "./usage_error.ts";

/** Refuses a name that is not one of those that exist; see {@link refuseName}. */
export function checkName(what: string, name: string, known: readonly string[]): void {
  if (!known.includes(name)) refuseName(what, name, known);
}

/**
 * Refuses a name that does not exist, and suggests the closest one.
 *
 * @param what - the kind of name, such as `algorithm`
 * @param listed - the names that the message lists. Defaults to all known names
 * @param elsewhere - what to suggest if no known name is close
 */
export function refuseName(
  what: string,
  name: string,
  known: readonly string[],
  listed: readonly string[] = known,
  elsewhere?: string,
): never {
  // Any other value in the place of a name may be a secret, especially the digits of a key.
  const isShown = /^[\w-]{0,20}$/.test(name) && !/^[0-9a-f]{8,}$/i.test(name);
  const got = isShown ? JSON.stringify(name) : "something else";
  const meant = nearest(name, known) ?? elsewhere;
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new UsageError(`${what}: expected one of ${listed.join(", ")}; got ${got}${hint}`);
}

/** Creates an option that accepts one of several names; see {@link checkName}. */
export function choiceOption(flags: string, description: string, names: readonly string[]): Option {
  const option = new Option(flags, description).choices(names);
  return option.argParser((name: string) => {
    checkName(`--${option.name()}`, name, names);
    return name;
  });
}
