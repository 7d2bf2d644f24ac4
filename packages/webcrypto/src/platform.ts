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

/** The runtime's own object. */
export const platformSubtle: object = globalThis.crypto.subtle;

/** Its prototype, whose methods a program may replace. */
export const prototype: object = Object.getPrototypeOf(platformSubtle);

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

function methodsOf(from: object): Methods {
  const methods: Record<string, (...args: readonly unknown[]) => unknown> = {};
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
    if (name !== "constructor" && typeof value === "function") methods[name] = value;
  }
  return methods;
}

/** The runtime's own methods, from when this module was loaded. They check their `this`. */
export const platformMethods: Methods = methodsOf(prototype);

/** The runtime's own methods. */
export const native: Subtle & Methods = Object.fromEntries(
  Object.entries(platformMethods).map(([name, method]) => [name, method.bind(platformSubtle)]),
) as never;

/** SubtleCrypto's static method that a draft adds; `undefined` if the runtime does not have it. */
export const platformSupports: Supports | undefined = bound(prototype.constructor);

function bound(owner: object): Supports | undefined {
  const { supports } = owner as { readonly supports?: Supports };
  return supports?.bind(owner);
}

/** Whether the runtime takes `null` for an optional parameter that is missing. Deno does, unlike the specification. */
export const takesNull: boolean = "Deno" in globalThis;

/** Asks whether an operation is supported. */
export type Supports = (...args: readonly unknown[]) => boolean;

// Some types of Node.js do not declare it.
const { CryptoKey } = globalThis as unknown as { readonly CryptoKey: { new (): Key; readonly prototype: Key } };

type Parts = Pick<Key, "algorithm" | "extractable" | "usages">;

const getters = Object.getOwnPropertyDescriptors(CryptoKey.prototype) as unknown as {
  readonly [Name in keyof Parts]: { readonly get: (this: Key) => Parts[Name] };
};

/** Returns what a key is made for, whatever its own properties claim. */
export function partsOf(key: Key): Parts {
  const { algorithm, extractable, usages } = getters;
  return { algorithm: algorithm.get.call(key), extractable: extractable.get.call(key), usages: usages.get.call(key) };
}

/** Checks whether a value is a key of the runtime. */
export function isKey(value: unknown): value is Key {
  return value instanceof CryptoKey;
}
