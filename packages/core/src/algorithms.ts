import { type CipherAlgorithm, ciphers } from "./abi/ciphers.ts";
import { type MacAlgorithm, macs } from "./abi/macs.ts";
import { nearest } from "./suggest.ts";
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

/** A cipher under its own name, with all its key sizes. */
const unsized = (algorithm: CipherAlgorithm): NamedCipher => ({
  name: algorithm.name,
  algorithm,
  keySizes: algorithm.keySizes,
});

function* named(algorithm: CipherAlgorithm): Generator<NamedCipher> {
  const { name, keySizes } = algorithm;
  yield unsized(algorithm);
  const [, family, mode] = /^(aes|camellia)-(...)$/.exec(name) ?? [];
  if (family === undefined || !Array.isArray(keySizes)) return;
  for (const size of keySizes as readonly number[]) {
    // XTS takes two keys at once and is named after the size of one (IEEE 1619).
    const bits = mode === "xts" ? size * 4 : size * 8;
    yield { name: `${family}-${bits}-${mode}`, algorithm, keySizes: [size] };
  }
}

const byName: ReadonlyMap<string, NamedCipher> = new Map(
  allCiphers.flatMap((algorithm) => [...named(algorithm)].map((cipher) => [cipher.name, cipher] as const)),
);

/** Every name that means something somewhere: none of them is a secret. */
const everyName: readonly string[] = [...byName.keys(), ...allMacs.flatMap(({ name, hash }) => [name, hash])];

/**
 * @param known - what is listed
 * @param accepted - all that would have been right, of which the closest is suggested
 */
function refuseName(what: string, name: unknown, known: readonly string[], accepted: readonly string[] = known): never {
  const close = typeof name === "string" && !everyName.includes(name) ? nearest(name, accepted) : undefined;
  const isAead = typeof name === "string" && byName.get(name)?.algorithm.kind === "aead";
  const remedy = isAead ? ", which is an AEAD: use device.aead()" : close ? `; did you mean "${close}"?` : "";
  throw new RangeError(`${what}: expected one of ${known.join(", ")}; got ${inWords(name, everyName)}${remedy}`);
}

/** Finds an implemented cipher of some kinds. @throws `RangeError` */
function cipherOf(what: string, name: string, ...kinds: readonly CipherAlgorithm["kind"][]): NamedCipher {
  const fits = ({ kind, kernelName }: CipherAlgorithm): boolean => kernelName !== undefined && kinds.includes(kind);
  const cipher = byName.get(name);
  if (cipher !== undefined && fits(cipher.algorithm)) return cipher;
  const accepted = [...byName.values()].filter((candidate) => fits(candidate.algorithm));
  const known = accepted.map(({ algorithm }) => algorithm.name);
  return refuseName(
    what,
    name,
    [...new Set(known)],
    accepted.map((candidate) => candidate.name),
  );
}

/** Finds a cipher that CIOCCRYPT can carry; it crashes the kernel with any other. @throws `RangeError` */
export function findCipher(name: CipherName): NamedCipher {
  return cipherOf("cipher", name, "block", "stream");
}

/** Finds an authenticated cipher. @throws `RangeError` */
export function findAead(name: AeadName): NamedCipher {
  return cipherOf("aead", name, "aead");
}

/** Finds a cipher for TLS records: the driver pads for block ciphers in CBC alone. @throws `RangeError` */
export function findTlsCipher(name: TlsCipherName): NamedCipher {
  return modeOf("cipher for tls", findCipher(name), "cbc");
}

/** Finds a cipher for SRTP packets: a stream cipher to the driver is AES in CTR. @throws `RangeError` */
export function findSrtpCipher(name: SrtpCipherName): NamedCipher {
  return modeOf("cipher for srtp", findCipher(name), "ctr");
}

function modeOf(what: string, cipher: NamedCipher, mode: string): NamedCipher {
  if (cipher.name.endsWith(`-${mode}`)) return cipher;
  throw new RangeError(`${what}: expected one in ${mode.toUpperCase()} mode, got "${cipher.name}"`);
}

/** Finds a mac with a key by its own name. @throws `RangeError` */
export function findKeyedMac(name: KeyedMacName): MacAlgorithm {
  return macWhere("mac", name, (mac) => (mac.keyed ? mac.name : undefined));
}

/** Finds a mac by its own name. @throws `RangeError` */
export function findMac(name: MacName): MacAlgorithm {
  return macWhere("mac", name, (mac) => mac.name);
}

/** Finds a plain hash. @throws `RangeError` */
export function findHash(name: HashName): MacAlgorithm {
  return macWhere("hash", name, (mac) => (mac.keyed ? undefined : mac.name));
}

/** Finds the HMAC of a hash. @throws `RangeError` */
export function findHmac(name: HmacName): MacAlgorithm {
  return macWhere("hash for hmac", name, (mac) => (mac.keyed ? mac.hash : undefined));
}

function macWhere(what: string, name: string, label: (mac: MacAlgorithm) => string | undefined): MacAlgorithm {
  const candidates = allMacs.filter((mac) => mac.kernelName !== undefined && label(mac) !== undefined);
  return (
    candidates.find((mac) => label(mac) === name) ??
    refuseName(
      what,
      name,
      candidates.map((mac) => label(mac) as string),
    )
  );
}
