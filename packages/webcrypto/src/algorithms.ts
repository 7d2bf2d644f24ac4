import type { HashName, HmacName } from "@cryptodev/core";
import { copied } from "./bytes.ts";
import { Lack, Refusal } from "./errors.ts";
import { type KeyAlgorithm, takesNull } from "./platform.ts";

/** The hashes of the device by their names in WebCrypto. */
const hashes: ReadonlyMap<string, HashName & HmacName> = new Map([
  ["SHA-1", "sha1"],
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
]);

/** The ciphers of the device by their names in WebCrypto, with the members of their parameters. */
const cipherMembers: ReadonlyMap<string, readonly string[]> = new Map([
  ["AES-CBC", ["iv"]],
  ["AES-CTR", ["counter", "length"]],
  ["AES-GCM", ["additionalData", "iv", "tagLength"]],
]);
/** The members of parameters, for each kind of operation. */
export const membersOf: Readonly<
  Record<"digest" | "cipher" | "mac" | "import" | "generate", ReadonlyMap<string, readonly string[]>>
> = {
  digest: new Map([...hashes.keys()].map((name) => [name, []])),
  cipher: cipherMembers,
  mac: new Map([["HMAC", []]]),
  import: new Map([
    ["AES-CBC", []],
    ["AES-CTR", []],
    ["AES-GCM", []],
    ["HMAC", ["hash", "length"]],
  ]),
  generate: new Map([
    ["AES-CBC", ["length"]],
    ["AES-CTR", ["length"]],
    ["AES-GCM", ["length"]],
    ["HMAC", ["hash", "length"]],
  ]),
};

/** Further names of the specification. Errors repeat no others: they may be secrets in the wrong place. */
const otherNames: readonly string[] = [
  ...["RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP", "ECDSA", "ECDH", "Ed25519", "Ed448", "X25519", "X448", "AES-KW"],
  ...["HKDF", "PBKDF2", "SHA3-256", "SHA3-384", "SHA3-512"],
];

/** Returns the error for an algorithm that the device does not support. */
export function lackOfAlgorithm({ name }: Described): Lack {
  const known = [...cipherMembers.keys(), ...hashes.keys(), "HMAC", ...otherNames];
  const written = known.find((other) => other.toUpperCase() === name.toUpperCase());
  return new Lack(`the device does not support ${written ?? "this algorithm"} for this operation`);
}

/** An algorithm as the caller described it, each member read once. */
export interface Described {
  /** Its name, in the case of the specification if the device supports it. */
  readonly name: string;
  /** Whether it is an algorithm of the device. */
  readonly isOurs: boolean;
  /** For the runtime's own subtle: a copy if it is an algorithm of the device. */
  readonly value: unknown;
}

/** The parameters of an algorithm of the device. */
export interface Parameters {
  readonly name: string;
  readonly iv?: unknown;
  readonly counter?: unknown;
  readonly additionalData?: unknown;
  readonly length?: unknown;
  readonly tagLength?: unknown;
  readonly hash?: unknown;
}

/**
 * Reads an AlgorithmIdentifier.
 *
 * @param members - {@link membersOf} the operation
 * @returns `undefined` if it does not have a name, which the runtime's own subtle refuses
 */
export function describe(given: unknown, members: ReadonlyMap<string, readonly string[]>): Described | undefined {
  const isObject = (typeof given === "object" && given !== null) || typeof given === "function";
  const named: unknown = isObject ? (given as { readonly name?: unknown }).name : given;
  if (named === undefined || (!isObject && typeof named !== "string")) return undefined;
  const written = stringOf(named);
  // Only these letters: others have the same upper case, such as the long s of "\u017fHA-1".
  const name = written.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
  const own = members.get(name);
  if (own === undefined) {
    // Its other members are read later, as members of the object itself, but not its name again.
    const get = (from: object, member: string | symbol) => (member === "name" ? written : Reflect.get(from, member));
    return { name: written, isOurs: false, value: isObject ? new Proxy(given, { get }) : written };
  }
  const value: Record<string, unknown> = { name };
  for (const member of isObject ? own : []) {
    const read = (given as Readonly<Record<string, unknown>>)[member];
    const isMissing = read === undefined || (read === null && takesNull && isOptional(name, member));
    if (!isMissing) value[member] = memberOf(member, read);
  }
  return { name, isOurs: true, value };
}

function isOptional(name: string, member: string): boolean {
  return member === "additionalData" || member === "tagLength" || (name === "HMAC" && member === "length");
}

/**
 * Converts a value to a string as the specification does.
 *
 * @throws {TypeError} if it is a symbol
 */
export function stringOf(value: unknown): string {
  return `${value}`;
}

/** Converts a member as the specification does. What cannot be converted stays, and the runtime refuses it. */
function memberOf(member: string, value: unknown): unknown {
  // Runtimes do not agree on whether null is 0.
  if (member === "length" || member === "tagLength") return value === null ? null : +(value as number);
  if (member === "hash") return describe(value, membersOf.digest)?.value ?? value;
  return copied(value) ?? value;
}

/**
 * Returns the parameters of an algorithm of the device.
 *
 * @throws {Lack} if the device does not support it
 * @throws {Refusal} if it is not an algorithm
 */
export function ours(algorithm: Described | undefined): Parameters {
  if (algorithm === undefined) throw new Refusal("this is not an algorithm");
  if (!algorithm.isOurs) throw lackOfAlgorithm(algorithm);
  return algorithm.value as Parameters;
}

/**
 * Returns the parameters of keys of the device.
 *
 * @throws {Lack} if the device does not support them
 * @throws {Refusal} if it is not an algorithm
 */
export function ourKeys(algorithm: Described | undefined): Parameters {
  const parameters = ours(algorithm);
  if (parameters.name !== "HMAC") return parameters;
  const hash = describe(parameters.hash, membersOf.digest);
  if (hash === undefined) throw new Refusal("the hash of the HMAC is not an algorithm");
  if (!hash.isOurs) throw new Lack("the device supports HMAC only with SHA-1, SHA-256, SHA-384 and SHA-512");
  return parameters;
}

/** Returns the device's name of a hash, or `undefined` if the device does not have it. */
export function hashOf(name: string | undefined): (HashName & HmacName) | undefined {
  return hashes.get(name ?? "");
}

/** Returns why the device cannot use keys of an algorithm; `undefined` if it can. */
export function lackOf({ name, hash, length = 0 }: KeyAlgorithm): string | undefined {
  if (!membersOf.generate.has(name)) return `the device does not support ${name}`;
  if (name !== "HMAC") return undefined;
  if (hashOf(hash?.name) === undefined) return `the device does not support HMAC with ${hash?.name}`;
  return length % 8 === 0 ? undefined : `the device does not support HMAC keys of ${length} bits`;
}
