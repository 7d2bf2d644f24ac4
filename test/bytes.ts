/** Converts hex digits to bytes; spaces are ignored. */
export const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** Converts bytes to hex digits. */
export const toHex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");

/** Converts ASCII text to bytes. */
export const fromText = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Creates `count` bytes that differ from their neighbours. */
export function pattern(count: number, seed = 3): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  // A loop, because `Uint8Array.from()` takes twenty times as long, and some tests use megabytes.
  for (let index = 0; index < count; index += 1) bytes[index] = index * 7 + seed;
  return bytes;
}
