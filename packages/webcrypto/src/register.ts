/**
 * Has the runtime's own `crypto.subtle` use a device.
 *
 * @module @cryptodev/webcrypto/register
 */
import { type PlatformSubtle, platformMethods, platformSubtle, prototype } from "./platform.ts";

/**
 * Replaces the methods of the runtime's own `crypto.subtle` in this thread. The object stays, with its class, so every
 * reference to it uses the device: `globalThis.crypto.subtle`, and those of node:crypto. What the program got from it
 * before, such as a bound method, stays the runtime's own.
 *
 * @param given - the `subtle` that replaces it, which `subtleOf()` returned
 */
export function replaceSubtle(given: PlatformSubtle): void {
  const subtle = given as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
  const owner = prototype.constructor;
  for (const [name, method] of Object.entries(platformMethods)) {
    const replacement = function (this: unknown, ...args: readonly unknown[]): unknown {
      // Any other object is refused, as the runtime's methods do.
      return this === platformSubtle ? subtle[name]?.(...args) : Reflect.apply(method, this, args);
    };
    replace(prototype, name, method, replacement);
  }
  const { supports } = owner as { readonly supports?: (...args: readonly unknown[]) => boolean };
  if (supports !== undefined) replace(owner, "supports", supports, (...args) => subtle.supports?.(...args));
}

/** Replaces a method by one that cannot be distinguished by its name, its length, or how its property is defined. */
function replace(
  owner: object,
  name: string,
  method: (...args: readonly unknown[]) => unknown,
  replacement: (this: unknown, ...args: readonly unknown[]) => unknown,
): void {
  // A method of an object, unlike a function, is not a constructor.
  const { value } = {
    value(this: unknown, ...args: readonly unknown[]) {
      return Reflect.apply(replacement, this, args);
    },
  };
  Object.defineProperties(value, {
    name: { value: method.name, configurable: true },
    length: { value: method.length, configurable: true },
  });
  Object.defineProperty(owner, name, { ...Object.getOwnPropertyDescriptor(owner, name), value });
}
