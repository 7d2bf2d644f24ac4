import { inWords } from "./words.ts";

/**
 * Reads one member of an options object, if the object itself has it: what a program added to `Object.prototype`, by mistake
 * or by a merge of untrusted JSON, is not an option.
 *
 * @param what - what the options are for, for a message
 * @param otherwise - the value if there is none; `null` is a value, which is then found wrong
 * @throws `TypeError` for options that are not an object
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
