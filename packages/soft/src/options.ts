import { inWords, nearest } from "@cryptodev/core";

/* Options as they were given: those of the object itself, and of the type that is expected. What a prototype has is nobody's option. */

/** Reads an option of a primitive type; `undefined` if it was not given. @throws `TypeError` */
export function ownOption<T extends string | number | boolean>(
  options: object,
  name: string,
  example: T,
): T | undefined {
  const value = own(options, name);
  if (value === undefined || typeof value === typeof example) return value as T | undefined;
  throw new TypeError(`${name}: expected a ${typeof example}, got ${inWords(value)}`);
}

/** Reads an option that is a function; `undefined` if it was not given. @throws `TypeError` */
export function ownFunction<F>(options: object, name: string): F | undefined {
  const value = own(options, name);
  if (value === undefined || typeof value === "function") return value as F | undefined;
  throw new TypeError(`${name}: expected a function, got ${inWords(value)}`);
}

/** Reads an option that is a number of a range; the default if it was not given. @throws `TypeError`, `RangeError` */
export function ownInteger(options: object, name: string, least: number, most: number, otherwise: number): number {
  const value = ownOption(options, name, otherwise) ?? otherwise;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name}: expected an integer from ${least} to ${most}, got ${value}`);
}

/** Reads an option that is a list; empty if it was not given. @throws `TypeError` */
export function ownList(options: object, name: string): readonly unknown[] {
  const value = own(options, name) ?? [];
  // A string is a list of its letters, which nobody means.
  const isList = typeof value === "object" && Symbol.iterator in value;
  if (!isList) throw new TypeError(`${name}: expected an array, got ${inWords(value)}`);
  return [...(value as Iterable<unknown>)];
}

/** Reads whatever an option is. */
export function own(options: object, name: string): unknown {
  return Object.hasOwn(options, name) ? (options as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Requires one of some names. @throws `TypeError`, `RangeError` */
export function requireName(what: string, name: unknown, known: ReadonlySet<string>): string {
  if (typeof name !== "string") throw new TypeError(`${what}: expected a string, got ${inWords(name)}`);
  if (known.has(name)) return name;
  const meant = nearest(name, known);
  throw new RangeError(
    meant === undefined
      ? `${what}: expected one of ${[...known].join(", ")}; got another word of ${name.length} characters`
      : `${what}: there is no ${JSON.stringify(name)}; did you mean ${meant}?`,
  );
}
