import { type CipherAlgorithm, ciphers, type MacAlgorithm, macs } from "@cryptodev/core/abi";
import type { AeadCipher } from "../crypto/aead.ts";
import { blowfish } from "../crypto/blowfish.ts";
import { camellia } from "../crypto/camellia.ts";
import { cbc, nativeCbc } from "../crypto/cbc.ts";
import { ccm } from "../crypto/ccm.ts";
import { cfb } from "../crypto/cfb.ts";
import { aes, type BlockCipher, isAvailable, type KeyedCipher } from "../crypto/cipher.ts";
import { ctr } from "../crypto/ctr.ts";
import { ecb } from "../crypto/ecb.ts";
import { gcm } from "../crypto/gcm.ts";
import { hmac, type KeyedHash, plainHash } from "../crypto/hash.ts";
import { ofb } from "../crypto/ofb.ts";
import { secretBytes } from "../crypto/secret.ts";
import { xts } from "../crypto/xts.ts";
import { requireName } from "../options.ts";

/** A cipher of the device: what it requires from its caller, and how to set its key. */
export type CipherDriver =
  | { readonly algorithm: CipherAlgorithm; readonly key: (key: Uint8Array) => KeyedCipher; readonly aead?: undefined }
  | { readonly algorithm: CipherAlgorithm; readonly aead: (key: Uint8Array) => AeadCipher; readonly key?: undefined };

/** A mac of the device: what it requires from its caller, and how to set its key. */
export interface MacDriver {
  readonly algorithm: MacAlgorithm;
  readonly key: (key: Uint8Array) => KeyedHash;
}

/** Uses the runtime's node:crypto if it implements the cipher, else CBC on a block cipher that every runtime has. */
const anyCbc = (family: string, block: (key: Uint8Array) => BlockCipher) => (key: Uint8Array) => {
  const name = `${family}-${key.length * 8}-cbc`;
  return isAvailable(name) ? nativeCbc(name, key) : cbc(block(key));
};
const aesCbc = anyCbc("aes", aes);

const tripleDesCbc = (key: Uint8Array): KeyedCipher => nativeCbc("des-ede3-cbc", key);

/** Triple DES with the same key three times is DES: the second pass undoes the first. */
function desCbc(key: Uint8Array): KeyedCipher {
  const threefold = secretBytes(key.length * 3);
  for (let times = 0; times < 3; times += 1) threefold.set(key, times * key.length);
  try {
    return tripleDesCbc(threefold);
  } finally {
    threefold.fill(0);
  }
}

const drivers: readonly CipherDriver[] = [
  { algorithm: ciphers.CRYPTO_NULL, key: () => ({ crypt: (_decrypt, data) => data.slice(), wipe: () => {} }) },
  { algorithm: ciphers.CRYPTO_DES_CBC, key: desCbc },
  { algorithm: ciphers.CRYPTO_3DES_CBC, key: tripleDesCbc },
  { algorithm: ciphers.CRYPTO_BLF_CBC, key: (key) => cbc(blowfish(key)) },
  { algorithm: ciphers.CRYPTO_AES_CBC, key: aesCbc },
  { algorithm: ciphers.CRYPTO_AES_CTR, key: ctr },
  { algorithm: ciphers.CRYPTO_AES_XTS, key: xts },
  { algorithm: ciphers.CRYPTO_AES_ECB, key: (key) => ecb(aes(key)) },
  { algorithm: ciphers.CRYPTO_AES_CFB, key: (key) => cfb(aes(key)) },
  { algorithm: ciphers.CRYPTO_AES_OFB, key: (key) => ofb(aes(key)) },
  { algorithm: ciphers.CRYPTO_AES_GCM, aead: gcm },
  { algorithm: ciphers.CRYPTO_AES_CCM, aead: (key) => ccm(key, aesCbc) },
  { algorithm: ciphers.CRYPTO_CAMELLIA_CBC, key: anyCbc("camellia", camellia) },
];

/** The ciphers of the device, by id. */
export const cipherDrivers: ReadonlyMap<number, CipherDriver> = new Map(
  drivers.map((driver) => [driver.algorithm.id, driver]),
);

/** The macs of the device, by id. */
export const macDrivers: ReadonlyMap<number, MacDriver> = new Map(
  Object.values<MacAlgorithm>(macs)
    .filter(({ kernelName }) => kernelName !== undefined)
    .map((algorithm) => [
      algorithm.id,
      { algorithm, key: (key) => (algorithm.keyed ? hmac(algorithm.hash, key) : plainHash(algorithm.hash)) },
    ]),
);

/** The names of the device's algorithms; any of them can be missing. */
const names: ReadonlySet<string> = new Set(
  [...cipherDrivers.values(), ...macDrivers.values()].map(({ algorithm }) => algorithm.name),
);

/** The missing algorithms. Each name is one of the device: with any other, a test would pass without testing anything. */
export class MissingAlgorithms extends Set<string> {
  override add(name: string): this {
    const [, family, mode] = /^(\w+)-(?:128|192|256)-(\w+)$/.exec(name) ?? [];
    const whole = `${family}-${mode}`;
    if (names.has(whole)) {
      throw new RangeError(`lacks: "${name}" is one key size of ${whole}; only the whole algorithm can be missing`);
    }
    return super.add(requireName("lacks", name, names));
  }
}
