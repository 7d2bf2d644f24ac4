import { nearest } from "./algorithms/suggest.ts";

const { get: tagOf } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
) as { readonly get: () => string | undefined };

/** What kind of object it is. What it calls itself is not asked: that may be anything. */
function kindOf(value: object): string {
  if (Array.isArray(value)) return "Array";
  if (value instanceof ArrayBuffer) return "ArrayBuffer";
  if (value instanceof SharedArrayBuffer) return "SharedArrayBuffer";
  if (ArrayBuffer.isView(value)) return tagOf.call(value) ?? "DataView";
  return "Object";
}

/**
 * Describes an unexpected value for a message by its kind. Text is shown only if it is close to a known name: any other
 * text may be a secret in the wrong place.
 *
 * @param known - the names that would have been right, or that mean something elsewhere
 * @returns the words, which may end a message such as `expected a Uint8Array, got …`
 * @example
 * ```ts
 * import { inWords } from "cryptodev/host";
 *
 * console.log(inWords(new ArrayBuffer(8))); // an ArrayBuffer
 * ```
 */
export function inWords(value: unknown, known: readonly string[] = []): string {
  if (value === null || value === undefined || typeof value === "number") return String(value);
  if (typeof value === "string") {
    return value === "" || nearest(value, known) !== undefined ? JSON.stringify(value) : "a string";
  }
  if (typeof value !== "object") return `a ${typeof value}`;
  const kind = kindOf(value);
  return `${/^[AEIO]/.test(kind) ? "an" : "a"} ${kind}`;
}

/** Says how to turn a value into a Uint8Array, as the end of a message; empty if there is no general way. */
export function remedyFor(value: unknown): string {
  if (typeof value === "string") return "; encode it, as new TextEncoder().encode(text) does";
  if (ArrayBuffer.isView(value)) return "; wrap it: new Uint8Array(view.buffer, view.byteOffset, view.byteLength)";
  const isBuffer = value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
  return isBuffer ? "; wrap it: new Uint8Array(buffer)" : "";
}
