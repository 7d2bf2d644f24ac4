import { inWords } from "./words.ts";

/**
 * Reads one member of an options object, but only if it is the object's own: a property that a program added to
 * `Object.prototype`, by mistake or by merging untrusted JSON, is not an option.
 *
 * @param what - what the options are for, for the message
 * @returns `undefined` if it is omitted
 * @throws {TypeError} if the options are not an object
 */
export function own<Options extends object, Name extends keyof Options>(
  options: Options | undefined,
  name: Name,
  what: string,
): Options[Name] | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options for ${what}: expected an object, got ${inWords(options)}`);
  }
  return Object.hasOwn(options, name) ? options[name] : undefined;
}

/**
 * Like {@link own}, with a default.
 *
 * @param otherwise - the value if the option is omitted; `null` counts as a value, and is refused as any other
 */
export function option<Options extends object, Name extends keyof Options>(
  options: Options | undefined,
  name: Name,
  what: string,
  otherwise: NonNullable<Options[Name]>,
): NonNullable<Options[Name]> {
  const value = own(options, name, what);
  return value === undefined ? otherwise : (value as NonNullable<Options[Name]>);
}
