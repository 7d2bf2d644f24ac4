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
  if (typeof value === "function") {
    const refuse = function refuse(): never {
      throw refusal(name);
    };
    return Object.defineProperties(refuse, {
      name: { value: value.name, configurable: true },
      length: { value: value.length, configurable: true },
    });
  }
  return new Proxy(
    {},
    {
      get(_target, property) {
        if (!switched.has(name)) throw refusal(`${name}.${String(property)}`);
        const member: unknown = Reflect.get(value as object, property);
        return typeof member === "function" ? member.bind(value) : member;
      },
    },
  );
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
    let value: unknown;
    const get = (): unknown => {
      value ??= name in own ? own[name] : isAllowed || plain.includes(name) ? real[name] : refused(name, real[name]);
      return value;
    };
    // Some exports of node:crypto are getters that create them on first use.
    const isLate = !(name in own) && theirs?.get !== undefined;
    const property = isLate ? { get } : { value: get(), writable: true };
    Object.defineProperty(result, name, { ...property, configurable: true, enumerable: theirs?.enumerable ?? true });
  }
  return result;
}
