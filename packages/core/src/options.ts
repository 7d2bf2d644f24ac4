import { inWords } from "./words.ts";

/**
 * Reads a member of an object: its own, or that of its class, such as a getter. What a program added to
 * `Object.prototype`, by mistake or by merging untrusted JSON, is not a member.
 */
export function memberOf(object: object, name: PropertyKey): unknown {
  return Object.hasOwn(object, name) ? (object as Members)[name] : inherited(object, name);
}

type Members = Readonly<Record<PropertyKey, unknown>>;

/** Reads a member of a prototype, except for the last one: `Object.prototype`, of whichever realm. */
function inherited(object: object, name: PropertyKey): unknown {
  for (let holder = object; ; ) {
    const prototype: object | null = Object.getPrototypeOf(holder);
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined;
    if (Object.hasOwn(prototype, name)) return (object as Members)[name];
    holder = prototype;
  }
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
  // Not with memberOf(), because operations read their options here, and compilers inline only short functions.
  return Object.hasOwn(options, name) ? options[name] : (inherited(options, name) as Options[Name] | undefined);
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
