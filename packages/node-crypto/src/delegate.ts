import { UnsupportedError } from "@cryptodev/core";

const remedy =
  "to leave to node:crypto what the device cannot do, set CRYPTODEV_FALLBACK=1, or use cryptoOf(device, { fallback: true })";

function refusal(name: string): UnsupportedError {
  return new UnsupportedError("function", `the device does not support ${name} of node:crypto`, { remedy });
}

/** The names of objects of node:crypto that use the device by other means. */
const switched = new Set<string>();

/** Allows the objects of node:crypto that `crypto.subtle` belongs to, once that uses the device. */
export function allowWebcrypto(): void {
  for (const name of ["subtle", "webcrypto"]) switched.add(name);
}

/** Replaces a function or object of node:crypto that may not be used: it exists, and throws when it is used. */
function refused(name: string, value: unknown): unknown {
  if (typeof value === "function") return refusedFunction(name, value);
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, property) {
      const isUsed = typeof property === "string" && property in target;
      if (isUsed && !switched.has(name)) throw refusal(`${name}.${property}`);
      const member: unknown = Reflect.get(target, property);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Does the same for a function, and its own methods, such as `ECDH.convertKey`. `instanceof` is as for the original. */
function refusedFunction(name: string, original: Shape & { readonly prototype?: unknown }): unknown {
  const refuse = refusing(name, original);
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(original))) {
    if (typeof value === "function") Object.defineProperty(refuse, key, { value: refusing(`${name}.${key}`, value) });
  }
  if (original.prototype !== undefined) refuse.prototype = original.prototype;
  return refuse;
}

/** What programs ask a function about. */
interface Shape {
  readonly name: string;
  readonly length: number;
}

function refusing(name: string, { name: ownName, length }: Shape): { prototype: unknown } {
  const refuse = function refuse(): never {
    throw refusal(name);
  };
  return Object.defineProperties(refuse, {
    name: { value: ownName, configurable: true },
    length: { value: length, configurable: true },
  });
}

/**
 * Exports that no device implements, which are always node:crypto's: key objects, constants, comparison, information.
 */
const plain: readonly string[] = [
  "KeyObject",
  "constants",
  "createSecretKey",
  "fips",
  "getCurves",
  "getFips",
  "secureHeapUsed",
  "timingSafeEqual",
];

/**
 * Returns a copy of a module with some of its exports replaced.
 *
 * @param own - the replacements
 * @param isAllowed - whether the other exports may be used; if not, they throw
 */
export function inPlaceOf<Real extends object>(real: Real, own: Partial<Real>, isAllowed: boolean): Real {
  const result = {} as Real;
  // Including names that are not enumerable, because old programs use some of them.
  const names = new Set([...Object.getOwnPropertyNames(real), ...Object.keys(own)]) as Set<keyof Real & string>;
  for (const name of names) {
    const theirs = Object.getOwnPropertyDescriptor(real, name);
    const isPlain = isAllowed || plain.includes(name);
    let instead: unknown;
    function get(): unknown {
      if (name in own) return own[name];
      if (isPlain) return real[name];
      instead ??= refused(name, real[name]);
      return instead;
    }
    // Some exports of node:crypto are accessors: they are created on first use, or can be changed.
    const isLate = !(name in own) && theirs?.get !== undefined;
    const property: PropertyDescriptor = isLate ? { ...theirs, get } : { value: get(), writable: true };
    Object.defineProperty(result, name, { ...property, configurable: true, enumerable: theirs?.enumerable ?? true });
  }
  return result;
}
