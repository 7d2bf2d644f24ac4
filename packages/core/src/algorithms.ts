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
 * The ciphers of {@link Device.cipher}. A name without a key size, such as `aes-cbc`, accepts every key size of the
 * algorithm; a name with one, such as `aes-128-cbc`, accepts only that size.
 */
export type CipherName =
  | Plain["name"]
  | `aes-${Bits}-${"cbc" | "ctr" | "ecb" | "cfb" | "ofb" | "xts"}`
  | `camellia-${Bits}-cbc`;

/** The ciphers that do not use an iv. */
export type WithoutIvName = Extract<CipherName, `${string}-ecb` | "null">;

/** The ciphers for which every data size is valid. */
export type StreamCipherName = Extract<CipherName, `${string}-${"ctr" | "cfb" | "ofb"}` | "null">;

/** The ciphers that work on whole sectors. */
export type XtsName = Extract<CipherName, `${string}-xts`>;

/**
 * The last parameter of an operation: an iv, if the cipher uses one. If it is not known which cipher it is, the iv is
 * `undefined` for one without an iv.
 */
export type IvOf<Name extends CipherName> = [CipherName] extends [Name]
  ? [iv?: Uint8Array | undefined]
  : Name extends WithoutIvName
    ? []
    : [iv: Uint8Array];

/** The authenticated ciphers of {@link Device.aead}. A name with a key size accepts only that size. */
export type AeadName = Aead["name"] | `aes-${Bits}-${"gcm" | "ccm"}`;

/** The ciphers of {@link Device.tls}, which can encrypt a TLS record. */
export type TlsCipherName = Extract<CipherName, `${string}-cbc`>;

/** The ciphers of {@link Device.srtp}, which can encrypt an SRTP packet. */
export type SrtpCipherName = Extract<CipherName, `${string}-ctr`>;

/** The macs that use a key. */
export type KeyedMacName = Extract<Implemented<Macs>, { readonly keyed: true }>["name"];

/** The hashes of {@link Device.hash}. */
export type HashName = Extract<Implemented<Macs>, { readonly keyed: false }>["name"];

/** The hashes of {@link Device.hmac}. */
export type HmacName = Extract<Implemented<Macs>, { readonly keyed: true }>["hash"];

/** The macs of {@link Device.cipherWithMac}: a plain hash such as `sha1`, or a keyed one such as `hmac-sha1`. */
export type MacName = Implemented<Macs>["name"];

/**
 * A name as this library or as other people write it: in any case, and with any separator or none. TypeScript accepts
 * the names in capitals, and the hashes as their standard spells them, such as `SHA-256`. `session.name` is always this
 * library's name.
 */
export type Written<Name extends string> = Name | Uppercase<Name> | HashInStandard<Name>;

type HashInStandard<Name extends string> = Name extends `sha${infer Size}` ? `sha-${Size}` | `SHA-${Size}` : never;

/** A cipher as the caller requested it: the name, and the key sizes that the name allows. */
export interface NamedCipher {
  readonly name: string;
  readonly algorithm: CipherAlgorithm;
  readonly keySizes: CipherAlgorithm["keySizes"];
}

/** All ciphers of the header. */
export const allCiphers: readonly CipherAlgorithm[] = Object.values(ciphers);
/** All macs of the header. */
export const allMacs: readonly MacAlgorithm[] = Object.values(macs);

/** Returns a cipher under its own name, with all key sizes, and under the names that include one key size. */
function* named(algorithm: CipherAlgorithm): Generator<NamedCipher> {
  const { name, keySizes } = algorithm;
  yield { name, algorithm, keySizes };
  const [, family, mode] = /^(aes|camellia)-(...)$/.exec(name) ?? [];
  if (family === undefined || !isList(keySizes)) return;
  for (const size of keySizes) {
    // XTS uses two keys and is named after the size of one (IEEE 1619).
    const bits = mode === "xts" ? size * 4 : size * 8;
    yield { name: `${family}-${bits}-${mode}`, algorithm, keySizes: [size] };
  }
}

const everyCipher: readonly NamedCipher[] = allCiphers.flatMap((algorithm) => [...named(algorithm)]);

/** Returns other names of a cipher: OpenSSL's, which mean CBC if they do not name a mode, and the kernel's. */
function* aliasesOf({ name, algorithm }: NamedCipher): Generator<string> {
  const [, family, bits, mode] = /^(aes|camellia)-(\d+)-(...)$/.exec(name) ?? [];
  if (mode === "cbc") yield `${family}${bits}`;
  if (mode === "gcm" || mode === "ccm") yield `id-aes${bits}-${mode}`;
  if (name === algorithm.name && algorithm.kernelName !== undefined) yield algorithm.kernelName;
  if (name === "3des-cbc") yield* ["des3", "des-ede3", "des-ede3-cbc"];
  if (name === "blowfish-cbc") yield* ["bf", "bf-cbc", "blowfish"];
}

/** Ciphers by their names in lower case, without separators. */
const byName: ReadonlyMap<string, NamedCipher> = new Map([
  ...everyCipher.flatMap((cipher) => [...aliasesOf(cipher)].map((alias) => [plain(alias), cipher] as const)),
  ...everyCipher.map((cipher) => [plain(cipher.name), cipher] as const),
]);

/** All names that are known anywhere, none of which is a secret. */
const everyName: readonly string[] = [
  ...everyCipher.flatMap((cipher) => [cipher.name, ...aliasesOf(cipher)]),
  ...allMacs.flatMap(({ name, hash }) => [name, hash]),
];

/**
 * @param known - the names that the message lists
 * @param accepted - all valid names; the closest one is suggested
 */
function refuseName(what: string, name: unknown, known: readonly string[], accepted: readonly string[] = known): never {
  const cipher = typeof name === "string" ? byName.get(plain(name)) : undefined;
  const close = typeof name === "string" && !everyName.includes(name) ? nearest(name, accepted) : undefined;
  const isAead = cipher?.algorithm.kind === "aead";
  const remedy = isAead ? ", which is an AEAD: use device.aead()" : close ? `; did you mean "${close}"?` : "";
  throw new RangeError(`${what}: expected one of ${known.join(", ")}; got ${inWords(name, everyName)}${remedy}`);
}

/**
 * Finds an implemented cipher of the given kinds.
 *
 * @throws {RangeError} if the name is unknown or the cipher is of another kind
 */
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

/**
 * Finds a cipher that works with CIOCCRYPT. Any other cipher crashes the kernel there.
 *
 * @throws {RangeError} if the name is not that of such a cipher
 */
export function findCipher(name: string): NamedCipher {
  return cipherOf("cipher", name, "block", "stream");
}

/**
 * Finds an authenticated cipher.
 *
 * @throws {RangeError} if the name is not that of an AEAD
 */
export function findAead(name: string): NamedCipher {
  return cipherOf("aead", name, "aead");
}

/**
 * Finds a cipher for TLS records: the driver pads only for block ciphers in CBC mode.
 *
 * @throws {RangeError} if the name is not that of such a cipher
 */
export function findTlsCipher(name: string): NamedCipher {
  return modeOf("cipher for tls", findCipher(name), "cbc");
}

/**
 * Finds a cipher for SRTP packets: the only stream cipher that the driver accepts there is AES in CTR mode.
 *
 * @throws {RangeError} if the name is not that of such a cipher
 */
export function findSrtpCipher(name: string): NamedCipher {
  return modeOf("cipher for srtp", findCipher(name), "ctr");
}

function modeOf(what: string, cipher: NamedCipher, mode: string): NamedCipher {
  if (cipher.name.endsWith(`-${mode}`)) return cipher;
  throw new RangeError(`${what}: expected one in ${mode.toUpperCase()} mode, got "${cipher.name}"`);
}

/**
 * Finds a keyed mac by its own name or by that of its hash.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findKeyedMac(name: string): MacAlgorithm {
  return macOf("mac", name, ({ keyed }) => keyed, "name");
}

/**
 * Finds a mac by its own name.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findMac(name: string): MacAlgorithm {
  return macOf("mac", name, () => true, "name");
}

/**
 * Finds a plain hash.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findHash(name: string): MacAlgorithm {
  return macOf("hash", name, ({ keyed }) => !keyed, "hash");
}

/**
 * Finds the HMAC of a hash, by the name of the hash or by its own.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findHmac(name: string): MacAlgorithm {
  return macOf("hash for hmac", name, ({ keyed }) => keyed, "hash");
}

/** @param shown - which of the two names the error message lists */
function macOf(what: string, name: string, fits: (mac: MacAlgorithm) => boolean, shown: "name" | "hash"): MacAlgorithm {
  const candidates = allMacs.filter((mac) => mac.kernelName !== undefined && fits(mac));
  const known = candidates.map((mac) => mac[shown]);
  const accepted = candidates.flatMap((mac) => [mac.name, mac.hash]);
  if (typeof name !== "string") return refuseName(what, name, known);
  const wanted = plain(name);
  // Its own name comes first: a hash and its HMAC can both be candidates.
  const found =
    candidates.find((mac) => plain(mac.name) === wanted || plain(mac.kernelName as string) === wanted) ??
    candidates.find((mac) => plain(mac.hash) === wanted);
  return found ?? refuseName(what, name, known, accepted);
}
