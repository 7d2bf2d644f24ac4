import { type CipherAlgorithm, ciphers } from "./abi/ciphers.ts";
import { type MacAlgorithm, macs } from "./abi/macs.ts";

type Ciphers = (typeof ciphers)[keyof typeof ciphers];
type Macs = (typeof macs)[keyof typeof macs];
type Implemented<A> = Extract<A, { readonly kernelName: string }>;
type Plain = Extract<Implemented<Ciphers>, { readonly kind: "block" | "stream" }>;
type Bits = 128 | 192 | 256;

/**
 * The ciphers of {@link Device.cipher}. A name without a key size, such as `aes-cbc`, takes every size that the
 * algorithm has; one with it, such as `aes-128-cbc`, takes that size alone.
 */
export type CipherName =
  | Plain["name"]
  | `aes-${Bits}-${"cbc" | "ctr" | "ecb" | "cfb" | "ofb" | "xts"}`
  | `camellia-${Bits}-cbc`;

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

const allCiphers: readonly CipherAlgorithm[] = Object.values(ciphers);
const allMacs: readonly MacAlgorithm[] = Object.values(macs);

function* named(algorithm: CipherAlgorithm): Generator<NamedCipher> {
  const { name, keySizes } = algorithm;
  yield { name, algorithm, keySizes };
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

function refuseName(what: string, name: unknown, known: readonly string[]): never {
  const got = typeof name === "string" ? `"${name}"` : String(name);
  throw new RangeError(`${what}: expected one of ${known.join(", ")}; got ${got}`);
}

/** Finds a cipher that CIOCCRYPT can carry. @throws `RangeError` */
export function findCipher(name: CipherName): NamedCipher {
  const cipher = byName.get(name);
  // An AEAD session crashes the kernel in CIOCCRYPT, so its names are not known here at all.
  if (cipher?.algorithm.kernelName === undefined || !isPlain(cipher.algorithm)) {
    return refuseName(
      "cipher",
      name,
      allCiphers.filter((it) => it.kernelName !== undefined && isPlain(it)).map((it) => it.name),
    );
  }
  return cipher;
}

function isPlain({ kind }: CipherAlgorithm): boolean {
  return kind === "block" || kind === "stream";
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
