import { inWords } from "@cryptodev/core";

/**
 * Reads an own property of the options: `Object.prototype` may be polluted, and a getter may throw.
 *
 * @param type - the required type: not every value of another type can be posted to a thread
 * @returns the value; `undefined` if it is not set
 * @throws {TypeError} if the options are not an object, reading the option throws, or it has the wrong type
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
