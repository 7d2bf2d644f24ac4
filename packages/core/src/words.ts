import { nearest } from "./suggest.ts";

/**
 * A value that was not expected, for a message: what kind it is. Text is shown only if it is close to a known name: anything
 * else may be a secret in the wrong place.
 */
export function inWords(value: unknown, known: readonly string[] = []): string {
  if (value === null || value === undefined || typeof value === "number") return String(value);
  if (typeof value === "string") {
    return value === "" || nearest(value, known) !== undefined ? JSON.stringify(value) : "a string";
  }
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = Object.prototype.toString.call(value).slice(8, -1);
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/** What to make of what should have been a Uint8Array, for a message that ends with it; nothing where nobody can know. */
export function remedyFor(value: unknown): string {
  if (typeof value === "string") return "; encode it, as new TextEncoder().encode(text) does";
  if (ArrayBuffer.isView(value)) return "; wrap it: new Uint8Array(view.buffer, view.byteOffset, view.byteLength)";
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value))
    ? "; wrap it: new Uint8Array(buffer)"
    : "";
}
