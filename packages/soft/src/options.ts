import { nearest } from "@cryptodev/core/algorithms";
import { inWords, memberOf } from "@cryptodev/core/host";

/*
 * Each option must have the expected type. What a program added to `Object.prototype` is not an option.
 */

/**
 * Reads an option of a primitive type.
 *
 * @returns `undefined` if it was not given
 * @throws {TypeError} if it has another type than `example`
 */
export function ownOption<T extends string | number | boolean>(
  options: object,
  name: string,
  example: T,
): T | undefined {
  const value = memberOf(options, name);
  if (value === undefined || typeof value === typeof example) return value as T | undefined;
  throw new TypeError(`${name}: expected a ${typeof example}, got ${inWords(value)}`);
}

/**
 * Reads an option that is a function.
 *
 * @returns `undefined` if it was not given
 * @throws {TypeError} if it is not a function
 */
export function ownFunction<F>(options: object, name: string): F | undefined {
  const value = memberOf(options, name);
  if (value === undefined || typeof value === "function") return value as F | undefined;
  throw new TypeError(`${name}: expected a function, got ${inWords(value)}`);
}

/**
 * Reads an option that is an integer in a range.
 *
 * @returns `otherwise` if it was not given
 * @throws {TypeError} if it is not a number
 * @throws {RangeError} if it is not an integer from `least` to `most`
 */
export function ownInteger(options: object, name: string, least: number, most: number, otherwise: number): number {
  const value = ownOption(options, name, otherwise) ?? otherwise;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name}: expected an integer from ${least} to ${most}, got ${value}`);
}

/**
 * Reads an option that is a list.
 *
 * @returns an empty list if it was not given
 * @throws {TypeError} if it is not an iterable object
 */
export function ownList(options: object, name: string): readonly unknown[] {
  const value = memberOf(options, name) ?? [];
  // A string is iterable too, but a list of its characters is never intended.
  const isList = typeof value === "object" && Symbol.iterator in value;
  if (!isList) throw new TypeError(`${name}: expected an array, got ${inWords(value)}`);
  return [...(value as Iterable<unknown>)];
}

/**
 * Requires one of the known names.
 *
 * @returns the name
 * @throws {TypeError} if it is not a string
 * @throws {RangeError} if it is not known
 */
export function requireName(what: string, name: unknown, known: ReadonlySet<string>): string {
  if (typeof name !== "string") throw new TypeError(`${what}: expected a string, got ${inWords(name)}`);
  if (known.has(name)) return name;
  const meant = nearest(name, known);
  throw new RangeError(
    meant === undefined
      ? `${what}: expected one of ${[...known].join(", ")}; got an unknown name of ${name.length} characters`
      : `${what}: there is no ${JSON.stringify(name)}; did you mean ${meant}?`,
  );
}
