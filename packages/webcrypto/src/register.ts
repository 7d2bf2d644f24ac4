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
  const subtle = given as unknown as Readonly<Record<string, Method>>;
  for (const [name, method] of Object.entries(platformMethods)) {
    // A method of an object, unlike a function, is not a constructor.
    const { replacement } = {
      replacement(this: unknown, ...args: readonly unknown[]): unknown {
        // Any other object is refused, as the runtime's methods do.
        return this === platformSubtle ? subtle[name]?.(...args) : Reflect.apply(method, this, args);
      },
    };
    replace(prototype, name, method, replacement);
  }
  const { supports } = prototype.constructor as { readonly supports?: Method };
  if (supports !== undefined) {
    replace(prototype.constructor, "supports", supports, (...args) => subtle.supports?.(...args));
  }
}

type Method = (...args: readonly unknown[]) => unknown;

/** Replaces a method by one that has the same name and length, and whose property is defined in the same way. */
function replace(owner: object, name: string, method: Method, value: Method): void {
  for (const property of ["name", "length"] as const) {
    Object.defineProperty(value, property, { value: method[property], configurable: true });
  }
  Object.defineProperty(owner, name, { ...Object.getOwnPropertyDescriptor(owner, name), value });
}
