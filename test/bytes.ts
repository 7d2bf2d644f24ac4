/** Converts hex digits to bytes; spaces are ignored. */
export const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** Converts bytes to hex digits. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Converts ASCII text to bytes. */
export const fromText = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Creates `count` bytes that differ from their neighbours. */
export const pattern = (count: number, seed = 3): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: count }, (_, index) => index * 7 + seed);
