import { type CipherAlgorithm, ciphers, isList } from "./abi/ciphers.ts";
import { type MacAlgorithm, macs } from "./abi/macs.ts";
import { nearest, plain } from "./suggest.ts";
import { inWords } from "./words.ts";

type Ciphers = (typeof ciphers)[keyof typeof ciphers];
type Macs = (typeof macs)[keyof typeof macs];
type Implemented<A> = Extract<A, { readonly kernelName: string }>;
type Plain = Extract<Implemented<Ciphers>, { readonly kind: "block" | "stream" }>;
type Aead = Extract<Implemented<Ciphers>, { readonly kind: "aead" }>;
type Bits = 128 | 192 | 256;

/**
 * The ciphers of {@link Device.cipher}. A name without a key size, such as `aes-cbc`, takes every size that the
 * algorithm has; one with it, such as `aes-128-cbc`, takes that size alone.
 */
export type CipherName =
  | Plain["name"]
  | `aes-${Bits}-${"cbc" | "ctr" | "ecb" | "cfb" | "ofb" | "xts"}`
  | `camellia-${Bits}-cbc`;

/** The authenticated ciphers of {@link Device.aead}; names with a key size take that size alone. */
export type AeadName = Aead["name"] | `aes-${Bits}-${"gcm" | "ccm"}`;

/** The ciphers that a TLS record can be encrypted with: {@link Device.tls}. */
export type TlsCipherName = Extract<CipherName, `${string}-cbc`>;

/** The ciphers that an SRTP packet can be encrypted with: {@link Device.srtp}. */
export type SrtpCipherName = Extract<CipherName, `${string}-ctr`>;

/** The macs that take a key. */
export type KeyedMacName = Extract<Implemented<Macs>, { readonly keyed: true }>["name"];

/** The hashes of {@link Device.hash}. */
export type HashName = Extract<Implemented<Macs>, { readonly keyed: false }>["name"];

/** The hashes that {@link Device.hmac} can put a key to. */
export type HmacName = Extract<Implemented<Macs>, { readonly keyed: true }>["hash"];

/** The macs of {@link Device.combined}: a plain hash such as `sha1`, or one with a key such as `hmac-sha1`. */
export type MacName = Implemented<Macs>["name"];

/**
 * A name as this library writes it, or as other people do: in any case, and joined by anything or nothing. What TypeScript
 * knows of these are the names in capitals, and hashes as their standard has them, such as `SHA-256`. `session.name` is always
 * this library's.
 */
export type Written<Name extends string> = Name | Uppercase<Name> | HashInStandard<Name>;

type HashInStandard<Name extends string> = Name extends `sha${infer Size}` ? `sha-${Size}` | `SHA-${Size}` : never;

/** A cipher as it was asked for: by which name, and with which of its key sizes. */
export interface NamedCipher {
  readonly name: string;
  readonly algorithm: CipherAlgorithm;
  readonly keySizes: CipherAlgorithm["keySizes"];
}

/** Every cipher of the header. */
export const allCiphers: readonly CipherAlgorithm[] = Object.values(ciphers);
/** Every mac of the header. */
export const allMacs: readonly MacAlgorithm[] = Object.values(macs);

/** A cipher under its own name, with all its key sizes, and under the names that stand for one size. */
function* named(algorithm: CipherAlgorithm): Generator<NamedCipher> {
  const { name, keySizes } = algorithm;
  yield { name, algorithm, keySizes };
  const [, family, mode] = /^(aes|camellia)-(...)$/.exec(name) ?? [];
  if (family === undefined || !isList(keySizes)) return;
  for (const size of keySizes) {
    // XTS takes two keys at once and is named after the size of one (IEEE 1619).
    const bits = mode === "xts" ? size * 4 : size * 8;
    yield { name: `${family}-${bits}-${mode}`, algorithm, keySizes: [size] };
  }
}

const everyCipher: readonly NamedCipher[] = allCiphers.flatMap((algorithm) => [...named(algorithm)]);

/** What else ciphers are called: by OpenSSL, where a family without a mode is CBC, and by the kernel. */
function* aliasesOf({ name, algorithm }: NamedCipher): Generator<string> {
  const [, family, bits, mode] = /^(aes|camellia)-(\d+)-(...)$/.exec(name) ?? [];
  if (mode === "cbc") yield `${family}${bits}`;
  if (mode === "gcm" || mode === "ccm") yield `id-aes${bits}-${mode}`;
  if (name === algorithm.name && algorithm.kernelName !== undefined) yield algorithm.kernelName;
  if (name === "3des-cbc") yield* ["des3", "des-ede3", "des-ede3-cbc"];
  if (name === "blowfish-cbc") yield* ["bf", "bf-cbc", "blowfish"];
}

/** By what is left of a name without its case, and without what joins its words. */
const byName: ReadonlyMap<string, NamedCipher> = new Map([
  ...everyCipher.flatMap((cipher) => [...aliasesOf(cipher)].map((alias) => [plain(alias), cipher] as const)),
  ...everyCipher.map((cipher) => [plain(cipher.name), cipher] as const),
]);

/** Every name that means something somewhere: none of them is a secret. */
const everyName: readonly string[] = [
  ...everyCipher.flatMap((cipher) => [cipher.name, ...aliasesOf(cipher)]),
  ...allMacs.flatMap(({ name, hash }) => [name, hash]),
];

/**
 * @param known - what is listed
 * @param accepted - all that would have been right, of which the closest is suggested
 */
function refuseName(what: string, name: unknown, known: readonly string[], accepted: readonly string[] = known): never {
  const cipher = typeof name === "string" ? byName.get(plain(name)) : undefined;
  const close = typeof name === "string" && !everyName.includes(name) ? nearest(name, accepted) : undefined;
  const isAead = cipher?.algorithm.kind === "aead";
  const remedy = isAead ? ", which is an AEAD: use device.aead()" : close ? `; did you mean "${close}"?` : "";
  throw new RangeError(`${what}: expected one of ${known.join(", ")}; got ${inWords(name, everyName)}${remedy}`);
}

/** Finds an implemented cipher of some kinds. @throws `RangeError` */
function cipherOf(what: string, name: string, ...kinds: readonly CipherAlgorithm["kind"][]): NamedCipher {
  const fits = ({ kind, kernelName }: CipherAlgorithm): boolean => kernelName !== undefined && kinds.includes(kind);
  const cipher = typeof name === "string" ? byName.get(plain(name)) : undefined;
  if (cipher !== undefined && fits(cipher.algorithm)) return cipher;
  const accepted = everyCipher.filter(({ algorithm }) => fits(algorithm));
  const known = new Set(accepted.map(({ algorithm }) => algorithm.name));
  return refuseName(
    what,
    name,
    [...known],
    accepted.map((candidate) => candidate.name),
  );
}

/** Finds a cipher that CIOCCRYPT can carry; it crashes the kernel with any other. @throws `RangeError` */
export function findCipher(name: Written<CipherName>): NamedCipher {
  return cipherOf("cipher", name, "block", "stream");
}

/** Finds an authenticated cipher. @throws `RangeError` */
export function findAead(name: Written<AeadName>): NamedCipher {
  return cipherOf("aead", name, "aead");
}

/** Finds a cipher for TLS records: the driver only pads for block ciphers in CBC. @throws `RangeError` */
export function findTlsCipher(name: Written<TlsCipherName>): NamedCipher {
  return modeOf("cipher for tls", findCipher(name), "cbc");
}

/** Finds a cipher for SRTP packets: a stream cipher to the driver is AES in CTR. @throws `RangeError` */
export function findSrtpCipher(name: Written<SrtpCipherName>): NamedCipher {
  return modeOf("cipher for srtp", findCipher(name), "ctr");
}

function modeOf(what: string, cipher: NamedCipher, mode: string): NamedCipher {
  if (cipher.name.endsWith(`-${mode}`)) return cipher;
  throw new RangeError(`${what}: expected one in ${mode.toUpperCase()} mode, got "${cipher.name}"`);
}

/** Finds a mac with a key, by its own name or by that of its hash. @throws `RangeError` */
export function findKeyedMac(name: Written<KeyedMacName | HmacName>): MacAlgorithm {
  return macOf("mac", name, ({ keyed }) => keyed, "name");
}

/** Finds a mac by its own name. @throws `RangeError` */
export function findMac(name: Written<MacName>): MacAlgorithm {
  return macOf("mac", name, () => true, "name");
}

/** Finds a plain hash. @throws `RangeError` */
export function findHash(name: Written<HashName>): MacAlgorithm {
  return macOf("hash", name, ({ keyed }) => !keyed, "hash");
}

/** Finds the HMAC of a hash, by the name of the hash or by its own. @throws `RangeError` */
export function findHmac(name: Written<HmacName | KeyedMacName>): MacAlgorithm {
  return macOf("hash for hmac", name, ({ keyed }) => keyed, "hash");
}

/** @param shown - which of its names a refusal lists */
function macOf(what: string, name: string, fits: (mac: MacAlgorithm) => boolean, shown: "name" | "hash"): MacAlgorithm {
  const candidates = allMacs.filter((mac) => mac.kernelName !== undefined && fits(mac));
  const known = candidates.map((mac) => mac[shown]);
  const accepted = candidates.flatMap((mac) => [mac.name, mac.hash]);
  if (typeof name !== "string") return refuseName(what, name, known);
  const wanted = plain(name);
  // Its own name comes first: a session can have both a hash and the HMAC of it.
  const found =
    candidates.find((mac) => plain(mac.name) === wanted || plain(mac.kernelName as string) === wanted) ??
    candidates.find((mac) => plain(mac.hash) === wanted);
  return found ?? refuseName(what, name, known, accepted);
}
