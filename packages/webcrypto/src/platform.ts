/** The program's own types of the global `crypto`, whether they are those of DOM, Node.js, Deno or Bun. */
export type PlatformCrypto = typeof globalThis extends { readonly crypto: infer Crypto } ? Crypto : unknown;

/** The program's own type `SubtleCrypto`. */
export type PlatformSubtle = PlatformCrypto extends { readonly subtle: infer Subtle } ? Subtle : unknown;

/** A key of the runtime, as far as it is used here. */
export interface Key {
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: KeyAlgorithm;
  readonly usages: readonly string[];
}

/** The algorithm of a {@link Key}. */
export interface KeyAlgorithm {
  readonly name: string;
  /** Bits. */
  readonly length?: number;
  readonly hash?: { readonly name: string };
}

/** A method of SubtleCrypto. The arguments are a program's, and the runtime checks them. */
type Method<Result> = (...args: readonly unknown[]) => Promise<Result>;

/** SubtleCrypto as it is used and implemented here. */
export interface Subtle {
  readonly encrypt: Method<ArrayBuffer>;
  readonly decrypt: Method<ArrayBuffer>;
  readonly sign: Method<ArrayBuffer>;
  readonly verify: Method<boolean>;
  readonly digest: Method<ArrayBuffer>;
  readonly generateKey: Method<unknown>;
  readonly deriveKey: Method<unknown>;
  readonly deriveBits: Method<ArrayBuffer>;
  readonly importKey: Method<unknown>;
  readonly exportKey: Method<unknown>;
  readonly wrapKey: Method<ArrayBuffer>;
  readonly unwrapKey: Method<unknown>;
}

/** The runtime's own, kept from when this module was loaded: a program may replace the global one. */
export const native: Subtle & { readonly [method: string]: unknown } = globalThis.crypto.subtle as never;

// Some types of Node.js do not declare it.
const { CryptoKey } = globalThis as unknown as { readonly CryptoKey: { new (): Key; readonly prototype: Key } };

type Parts = Pick<Key, "algorithm" | "usages">;

const getters = Object.getOwnPropertyDescriptors(CryptoKey.prototype) as unknown as {
  readonly [Name in keyof Parts]: { readonly get: (this: Key) => Parts[Name] };
};

/** Returns what a key is made for, whatever its own properties claim. */
export function partsOf(key: Key): Parts {
  return { algorithm: getters.algorithm.get.call(key), usages: getters.usages.get.call(key) };
}

/** Checks whether a value is a key of the runtime. */
export function isKey(value: unknown): value is Key {
  return value instanceof CryptoKey;
}
