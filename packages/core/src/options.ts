import { inWords } from "./words.ts";

/**
 * Reads one member of an options object, but only if it is the object's own: a property that a program added to
 * `Object.prototype`, by mistake or by merging untrusted JSON, is not an option.
 *
 * @param what - what the options are for, for the message
 * @param otherwise - the value if the option is omitted; `null` counts as a value, and is refused as any other
 * @throws {TypeError} if the options are not an object
 */
export function option<Options extends object, Name extends keyof Options>(
  options: Options | undefined,
  name: Name,
  what: string,
  otherwise: NonNullable<Options[Name]>,
): NonNullable<Options[Name]> {
  if (options === undefined) return otherwise;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options for ${what}: expected an object, got ${inWords(options)}`);
  }
  const value = Object.hasOwn(options, name) ? options[name] : undefined;
  return value === undefined ? otherwise : (value as NonNullable<Options[Name]>);
}
