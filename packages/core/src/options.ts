import { inWords } from "./words.ts";

/**
 * Reads one member of an options object, if the object itself has it: what a program added to `Object.prototype`, by mistake
 * or by a merge of untrusted JSON, is not an option.
 *
 * @param what - what the options are for, for a message
 * @throws `TypeError` for options that are not an object
 */
export function option<Options extends object, Name extends keyof Options>(
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
