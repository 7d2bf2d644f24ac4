import { nearest } from "./suggest.ts";

/**
 * Describes an unexpected value for a message by its kind. Text is shown only if it is close to a known name: any other
 * text may be a secret in the wrong place.
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

/** Says how to turn a value into a Uint8Array, as the end of a message; empty if there is no general way. */
export function remedyFor(value: unknown): string {
  if (typeof value === "string") return "; encode it, as new TextEncoder().encode(text) does";
  if (ArrayBuffer.isView(value)) return "; wrap it: new Uint8Array(view.buffer, view.byteOffset, view.byteLength)";
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value))
    ? "; wrap it: new Uint8Array(buffer)"
    : "";
}
