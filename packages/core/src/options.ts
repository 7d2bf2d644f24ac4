import { inWords } from "./words.ts";

/**
 * Reads a member of an object: its own, or that of its class, such as a getter. What a program added to
 * `Object.prototype`, by mistake or by merging untrusted JSON, is not a member.
 */
export function memberOf(object: object, name: PropertyKey): unknown {
  let holder = object;
  while (!Object.hasOwn(holder, name)) {
    const prototype: object | null = Object.getPrototypeOf(holder);
    // A prototype without a prototype is `Object.prototype`, of this realm or of another one.
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined;
    holder = prototype;
  }
  return (object as Readonly<Record<PropertyKey, unknown>>)[name];
}

/**
 * Reads one member of an options object, as {@link memberOf} does.
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
  return memberOf(options, name) as Options[Name] | undefined;
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
