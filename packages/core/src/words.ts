/** A value that was not expected, for a message: what kind it is, and itself only where it is a short word. */
export function inWords(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number") return String(value);
  // Anything longer, or of another kind, may be a secret in the wrong place.
  if (typeof value === "string") return /^[\w-]{0,32}$/.test(value) ? JSON.stringify(value) : "a string";
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
