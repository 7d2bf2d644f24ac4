import { type Described, lackOf } from "./algorithms.ts";
import type { Bytes } from "./bytes.ts";
import { Doubt, Lack, Refusal } from "./errors.ts";
import { isKey, type Key, native, partsOf } from "./platform.ts";

/** The formats of keys that are bytes. */
export const rawFormats: readonly string[] = ["raw", "raw-secret"];

/** All formats of keys, also those that only newer runtimes have. */
export const keyFormats: readonly string[] = [...rawFormats, "raw-public", "raw-seed", "spki", "pkcs8", "jwk"];

/** The members of a JsonWebKey for a secret key. */
const jwkMembers = ["alg", "ext", "k", "key_ops", "kty", "use"] as const;

/** What a program passes as one: members of any type. */
export type JsonWebKey = Readonly<Record<string, unknown>>;

/** Reads the members of a JsonWebKey, each once. What is not an object, or is bytes, stays, and the runtime refuses it. */
export function jwkOf(data: unknown, algorithm: Described | undefined): JsonWebKey | undefined {
  const isBytes = ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
  if (typeof data !== "object" || data === null || isBytes || algorithm?.isOurs !== true) return undefined;
  const read: Record<string, unknown> = {};
  for (const member of jwkMembers) {
    const value = (data as Readonly<Record<string, unknown>>)[member];
    if (value !== undefined) read[member] = member === "key_ops" ? listed(value) : value;
  }
  return read;
}

/** Copies a sequence. What is not one stays, and the runtime refuses it. */
export function listed(values: unknown): unknown {
  const isSequence = typeof values === "object" && values !== null && Symbol.iterator in values;
  return isSequence ? [...(values as Iterable<unknown>)] : values;
}

/** All usages of keys, also those that only newer runtimes have. */
const keyUsages: readonly unknown[] = [
  ...["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"],
  ...["encapsulateKey", "encapsulateBits", "decapsulateKey", "decapsulateBits"],
];

/** The runtime refuses what is not a sequence of usages before it looks up the algorithm. */
export function requireUsages(list: unknown): void {
  if (!Array.isArray(list)) throw new Refusal("this is not a sequence of usages");
  if (!list.every((usage) => keyUsages.includes(usage))) throw new Doubt("these are not usages of keys");
}

/** @throws {DOMException} if these bytes are not the text of an object in JSON */
export function parsed(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new DOMException("the unwrapped key is not a JsonWebKey", "DataError");
  }
}

/**
 * Checks that a key may be used.
 *
 * @throws {Doubt} if it is not made for the algorithm and the usage
 * @throws {Lack} if the device cannot use such keys
 */
export function requireUsage(key: Key, name: string, usage: string): void {
  const { algorithm, usages } = partsOf(key);
  if (algorithm.name !== name || !usages.includes(usage)) {
    throw new Doubt(`this is not a key for ${usage} with ${name}`);
  }
  requireSupported(key);
}

/**
 * Checks that the device supports a key's algorithm.
 *
 * @throws {Doubt} if it is not a key
 * @throws {Lack} if the device cannot use such keys
 */
export function requireSupported(key: unknown): asserts key is Key {
  if (!isKey(key)) throw new Doubt("this is not a key");
  const lack = lackOf(partsOf(key).algorithm);
  if (lack !== undefined) throw new Lack(lack);
}

/**
 * Returns the bytes of a key, which the caller wipes.
 *
 * @throws {Lack} if the key is not extractable
 */
export async function exported(key: Key): Promise<Bytes> {
  if (partsOf(key).extractable) return new Uint8Array((await native.exportKey("raw", key)) as ArrayBuffer);
  throw new Lack(
    "the device cannot get a key that is not extractable and that another subtle made, or that was cloned: import or generate it with this one",
  );
}
