import { inWords } from "@cryptodev/core";

/**
 * Reads an option that the caller itself set: `Object.prototype` may have been polluted, and a getter may throw.
 *
 * @param type - what it has to be, if it is set: a value of another type may not be one that a thread can be sent
 * @throws `TypeError` if the options are not an object, if reading throws, or for another type
 */
export function ownOption<O extends object, K extends keyof O & string>(
  options: O | undefined,
  name: K,
  type: "string" | "number" | "object",
): O[K] | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options: expected an object, got ${inWords(options)}`);
  }
  let value: O[K] | undefined;
  try {
    value = Object.hasOwn(options, name) ? options[name] : undefined;
  } catch (cause) {
    throw new TypeError(`option ${name}: reading it threw`, { cause });
  }
  if (value === undefined || (typeof value === type && value !== null)) return value;
  throw new TypeError(`option ${name}: expected ${type === "object" ? "an" : "a"} ${type}, got ${inWords(value)}`);
}
