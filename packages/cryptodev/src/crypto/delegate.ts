import { UnsupportedError } from "@cryptodev/core";

const remedy =
  "to leave to node:crypto what the device cannot do, set CRYPTODEV_FALLBACK=1, or use cryptoOf(device, { fallback: true })";

/** An error of node:crypto has a code. */
function refusal(name: string): UnsupportedError {
  const error = new UnsupportedError(`the device has nothing for ${name} of node:crypto`, { remedy });
  return Object.assign(error, { code: "ERR_CRYPTODEV_UNSUPPORTED" });
}

/** Something of node:crypto that computes, where that is not allowed: it is there, and throws when it is used. */
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
        throw refusal(`${name}.${String(property)}`);
      },
    },
  );
}

/** What is not work for a device is node:crypto's in any case: keys as objects, numbers, a comparison, information. */
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
 * All that node:crypto has in this runtime, with some of it replaced.
 *
 * @param own - what stands in the place of node:crypto's own
 * @param isAllowed - whether node:crypto may do the rest
 */
export function inPlaceOf<Real extends object>(real: Real, own: Partial<Real>, isAllowed: boolean): Real {
  const result = {} as Real;
  // By all names, as old programs use some that are hidden.
  const names = new Set([...Object.getOwnPropertyNames(real), ...Object.keys(own)]) as Set<keyof Real & string>;
  for (const name of names) {
    const theirs = Object.getOwnPropertyDescriptor(real, name);
    let value: unknown;
    const get = (): unknown => {
      value ??= name in own ? own[name] : isAllowed || plain.includes(name) ? real[name] : refused(name, real[name]);
      return value;
    };
    // Some of node:crypto's are made when they are first asked for.
    const isLate = !(name in own) && theirs?.get !== undefined;
    const property = isLate ? { get } : { value: get(), writable: true };
    Object.defineProperty(result, name, { ...property, configurable: true, enumerable: theirs?.enumerable ?? true });
  }
  return result;
}
