import { type CipherAlgorithm, ciphers, isList } from "../abi/ciphers.ts";
import { freezeTable } from "../abi/frozen.ts";
import { type MacAlgorithm, macs } from "../abi/macs.ts";
import { inWords } from "../words.ts";
import { nearest, plain } from "./suggest.ts";

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
 * The last parameter of an operation: an iv, if the cipher uses one. If the type does not say which cipher it is, the iv is
 * optional.
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

/** The name of a cipher in this library's form, as far as it is known from what a program wrote. */
export type CipherNameOf<Name extends Written<CipherName>> = Extract<Lowercase<Name>, CipherName>;

/** A cipher by one of its names, and the key sizes that the name allows. */
export interface NamedCipher<Name extends string = string> {
  /** This library's name. */
  readonly name: Name;
  /** What the kernel has to know about it. */
  readonly algorithm: CipherAlgorithm;
  /** All key sizes that the name allows, or their range, in bytes. */
  readonly keySizes: CipherAlgorithm["keySizes"];
  /**
   * OpenSSL's names for the cipher with this key size, the usual one first. Empty if OpenSSL does not have it, or if the
   * name allows several sizes that OpenSSL tells apart.
   */
  readonly openssl: readonly string[];
}

/** A mac or a plain hash, by its name. */
export interface NamedMac<Name extends string = string> extends MacAlgorithm {
  /** This library's name. */
  readonly name: Name;
}

/** An HMAC, by its name. */
export interface NamedHmac extends NamedMac<KeyedMacName> {
  /** Its hash. */
  readonly hash: HmacName;
}

/** All ciphers of the header. */
export const allCiphers: readonly CipherAlgorithm[] = Object.values(ciphers);
/** All macs of the header. */
export const allMacs: readonly MacAlgorithm[] = Object.values(macs);

/** OpenSSL's names of ciphers that do not have the size of the key in their name. */
const opensslNames: Readonly<Record<string, readonly string[]>> = {
  "3des-cbc": ["des-ede3-cbc", "des3"],
  "blowfish-cbc": ["bf-cbc", "bf", "blowfish"],
  "des-cbc": ["des-cbc", "des"],
};

function opensslNamesOf(family: string, bits: number, mode: string): readonly string[] {
  const name = `${family}-${bits}-${mode}`;
  // Without a mode, CBC is meant.
  if (mode === "cbc") return [name, `${family}${bits}`];
  if (mode === "gcm" || mode === "ccm") return [name, `id-${family}${bits}-${mode}`];
  return mode === "xts" && bits === 192 ? [] : [name];
}

/** Returns a cipher under its own name, with all key sizes, and under the names that include one key size. */
function* named(algorithm: CipherAlgorithm): Generator<NamedCipher> {
  const { name, keySizes } = algorithm;
  yield { name, algorithm, keySizes, openssl: opensslNames[name] ?? [] };
  const [, family, mode] = /^(aes|camellia)-(...)$/.exec(name) ?? [];
  if (family === undefined || mode === undefined || !isList(keySizes)) return;
  for (const size of keySizes) {
    // XTS uses two keys and is named after the size of one (IEEE 1619).
    const bits = mode === "xts" ? size * 4 : size * 8;
    const openssl = opensslNamesOf(family, bits, mode);
    yield { name: `${family}-${bits}-${mode}`, algorithm, keySizes: [size], openssl };
  }
}

/** Every name of every cipher of the header, whether a driver implements it or not. */
const everyCipher: readonly NamedCipher[] = allCiphers.flatMap((algorithm) => [...named(algorithm)]);

const isImplemented = ({ kernelName }: CipherAlgorithm | MacAlgorithm): boolean => kernelName !== undefined;

/** Whether a cipher is one of `device.cipher()`: CIOCCRYPT runs it. Any other cipher crashes the kernel there. */
export function isPlainCipher(cipher: NamedCipher): cipher is NamedCipher<CipherName> {
  const { kind } = cipher.algorithm;
  return isImplemented(cipher.algorithm) && (kind === "block" || kind === "stream");
}

/** Whether a cipher is one of `device.aead()`. */
export function isAead(cipher: NamedCipher): cipher is NamedCipher<AeadName> {
  return isImplemented(cipher.algorithm) && cipher.algorithm.kind === "aead";
}

/** Whether a cipher can encrypt TLS records: the driver pads only for block ciphers in CBC mode. */
function isTlsCipher(cipher: NamedCipher): cipher is NamedCipher<TlsCipherName> {
  return isPlainCipher(cipher) && cipher.name.endsWith("-cbc");
}

/** Whether a cipher can encrypt SRTP packets: the only stream cipher that the driver accepts there is AES in CTR mode. */
function isSrtpCipher(cipher: NamedCipher): cipher is NamedCipher<SrtpCipherName> {
  return isPlainCipher(cipher) && cipher.name.endsWith("-ctr");
}

const isMac = (mac: MacAlgorithm): mac is NamedMac<MacName> => isImplemented(mac);

/** Whether a mac is an HMAC of {@link Device.hmac}, which has a key. */
export function isHmac(mac: MacAlgorithm): mac is NamedHmac {
  return isImplemented(mac) && mac.keyed;
}

/** Whether a mac is a plain hash. */
export function isHash(mac: MacAlgorithm): mac is NamedMac<HashName> {
  return isImplemented(mac) && !mac.keyed;
}

/** The names of all ciphers that a session can be started with, with and without a key size. */
export const namedCiphers: readonly (NamedCipher<CipherName> | NamedCipher<AeadName>)[] = [
  ...everyCipher.filter(isPlainCipher),
  ...everyCipher.filter(isAead),
];

/** All plain hashes that a session can be started with. */
export const hashes: readonly NamedMac<HashName>[] = allMacs.filter(isHash);

/** The HMACs of all hashes that a session can be started with. */
export const hmacs: readonly NamedHmac[] = allMacs.filter(isHmac);

for (const table of [namedCiphers, hashes, hmacs]) freezeTable(table);

/** Ciphers by their names in lower case, without separators: OpenSSL's names, the kernel's, and this library's. */
const byName: ReadonlyMap<string, NamedCipher> = new Map([
  ...everyCipher.flatMap((cipher) => cipher.openssl.map((name) => [plain(name), cipher] as const)),
  ...everyCipher.flatMap((cipher) =>
    cipher.name === cipher.algorithm.name && cipher.algorithm.kernelName !== undefined
      ? [[plain(cipher.algorithm.kernelName), cipher] as const]
      : [],
  ),
  ...everyCipher.map((cipher) => [plain(cipher.name), cipher] as const),
]);

/**
 * Looks up a cipher by any of its names, in any case and with any separators.
 *
 * @returns `undefined` if no session can be started with it
 * @example
 * ```ts
 * import { cipherNamed } from "cryptodev/algorithms";
 *
 * console.log(cipherNamed("AES256")?.name); // aes-256-cbc
 * ```
 */
export function cipherNamed(name: string): (typeof namedCiphers)[number] | undefined {
  const cipher = byName.get(plain(name));
  if (cipher === undefined) return undefined;
  return isPlainCipher(cipher) || isAead(cipher) ? cipher : undefined;
}

/** Looks up a plain hash by its name, in any case and with any separators. */
export function hashNamed(name: string): NamedMac<HashName> | undefined {
  return macNamed(hashes, name);
}

/** Looks up an HMAC by its name or by that of its hash, in any case and with any separators. */
export function hmacNamed(name: string): NamedHmac | undefined {
  return macNamed(hmacs, name);
}

/** All names that are known anywhere, none of which is a secret. */
const everyName: readonly string[] = [
  ...everyCipher.flatMap(({ name, openssl, algorithm }) => [name, ...openssl, algorithm.kernelName ?? name]),
  ...allMacs.flatMap(({ name, hash }) => [name, hash]),
];

/** Algorithms of OpenSSL or WebCrypto that programs ask for, and for which the device has no id. */
const elsewhere: readonly string[] = [
  "chacha20",
  "chacha20-poly1305",
  ...[224, 256, 384, 512].map((size) => `sha3-${size}`),
  "sha512-224",
  "sha512-256",
  "shake128",
  "shake256",
  "blake2b512",
  "blake2s256",
  "aes-128-ocb",
  "aes-192-ocb",
  "aes-256-ocb",
  "aes-128-kw",
  "aes-192-kw",
  "aes-256-kw",
  "sm3",
  "sm4-cbc",
];

/**
 * Says which method starts a session with a name that belongs to another method; empty if none does.
 *
 * @param what - what the name was passed for
 */
function ownerOf(what: string, name: string): string {
  const wanted = plain(name);
  if (wanted === "") return "";
  const cipher = byName.get(wanted);
  if (cipher !== undefined && isAead(cipher)) return ", which is an AEAD: use device.aead()";
  if (cipher !== undefined && isPlainCipher(cipher)) {
    return what.startsWith("cipher") ? "" : ", which is a cipher: use device.cipher()";
  }
  const mac = macNamed(allMacs.filter(isMac), name);
  if (mac !== undefined) {
    return isHash(mac) ? ", which is a hash: use device.hash()" : ", which is an HMAC: use device.hmac()";
  }
  const isElsewhere = cipher !== undefined || elsewhere.some((other) => plain(other) === wanted);
  return isElsewhere ? ", which the device does not have: use node:crypto" : "";
}

/**
 * @param known - the names that the message lists
 * @param accepted - all valid names; the closest one is suggested
 */
function refuseName(what: string, name: unknown, known: readonly string[], accepted: readonly string[] = known): never {
  const owner = typeof name === "string" ? ownerOf(what, name) : "";
  const close = typeof name === "string" && owner === "" ? nearest(name, accepted) : undefined;
  const remedy = close === undefined ? owner : `; did you mean "${close}"?`;
  const got = inWords(name, [...everyName, ...elsewhere]);
  throw new RangeError(`${what}: expected one of ${known.join(", ")}; got ${got}${remedy}`);
}

/**
 * Finds an implemented cipher of one kind.
 *
 * @throws {RangeError} if the name is unknown or the cipher is of another kind
 */
function cipherOf<Name extends string>(
  what: string,
  name: string,
  fits: (cipher: NamedCipher) => cipher is NamedCipher<Name>,
): NamedCipher<Name> {
  const cipher = typeof name === "string" ? byName.get(plain(name)) : undefined;
  if (cipher !== undefined && fits(cipher)) return cipher;
  const accepted = everyCipher.filter(fits);
  const known = new Set(accepted.map(({ algorithm }) => algorithm.name));
  return refuseName(
    what,
    name,
    [...known],
    accepted.map((candidate) => candidate.name),
  );
}

/**
 * Finds a cipher that works with CIOCCRYPT.
 *
 * @throws {RangeError} if the name is not that of such a cipher
 */
export function findCipher(name: string): NamedCipher<CipherName> {
  return cipherOf("cipher", name, isPlainCipher);
}

/**
 * Finds an authenticated cipher.
 *
 * @throws {RangeError} if the name is not that of an AEAD
 */
export function findAead(name: string): NamedCipher<AeadName> {
  return cipherOf("aead", name, isAead);
}

/**
 * Finds a cipher for TLS records.
 *
 * @throws {RangeError} if the name is not that of such a cipher
 */
export function findTlsCipher(name: string): NamedCipher<TlsCipherName> {
  return cipherOf("cipher for tls", name, isTlsCipher);
}

/**
 * Finds a cipher for SRTP packets.
 *
 * @throws {RangeError} if the name is not that of such a cipher
 */
export function findSrtpCipher(name: string): NamedCipher<SrtpCipherName> {
  return cipherOf("cipher for srtp", name, isSrtpCipher);
}

/**
 * Finds a keyed mac by its own name or by that of its hash.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findKeyedMac(name: string): NamedMac<KeyedMacName> {
  return macOf("mac", name, isHmac, "name");
}

/**
 * Finds a mac by its own name.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findMac(name: string): NamedMac<MacName> {
  return macOf("mac", name, isMac, "name");
}

/**
 * Finds a plain hash.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findHash(name: string): NamedMac<HashName> {
  return macOf("hash", name, isHash, "hash");
}

/**
 * Finds the HMAC of a hash, by the name of the hash or by its own.
 *
 * @throws {RangeError} if the name is unknown
 */
export function findHmac(name: string): NamedMac<KeyedMacName> {
  return macOf("hash for hmac", name, isHmac, "hash");
}

/** @returns `undefined` if no candidate has the name */
function macNamed<Mac extends MacAlgorithm>(candidates: readonly Mac[], name: string): Mac | undefined {
  const wanted = plain(name);
  // Its own name comes first: a hash and its HMAC can both be candidates.
  return (
    candidates.find((mac) => plain(mac.name) === wanted || plain(mac.kernelName as string) === wanted) ??
    candidates.find((mac) => plain(mac.hash) === wanted)
  );
}

/** @param shown - which of the two names the error message lists */
function macOf<Name extends string>(
  what: string,
  name: string,
  fits: (mac: MacAlgorithm) => mac is NamedMac<Name>,
  shown: "name" | "hash",
): NamedMac<Name> {
  const candidates = allMacs.filter(fits);
  const known = candidates.map((mac) => mac[shown]);
  const accepted = candidates.flatMap((mac) => [mac.name, mac.hash]);
  if (typeof name !== "string") return refuseName(what, name, known);
  return macNamed(candidates, name) ?? refuseName(what, name, known, accepted);
}
