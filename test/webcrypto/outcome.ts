import { webcrypto } from "node:crypto";

/** SubtleCrypto, as the types of Node.js declare it. */
export type Subtle = webcrypto.SubtleCrypto;

/** A key, as the types of Node.js declare it. */
export type Key = webcrypto.CryptoKey;

/** The runtime's own. */
export const native: Subtle = webcrypto.subtle;

/** The class of keys, which not all types of Node.js declare. */
export const { CryptoKey } = globalThis as unknown as { readonly CryptoKey: new () => Key };

/** Returns the result of a call in hex, or its error's name. */
export async function outcomeOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    const result = await call();
    return result instanceof ArrayBuffer ? Buffer.from(result).toString("hex") : result;
  } catch (error) {
    return `rejected with ${(error as Error).name}`;
  }
}
