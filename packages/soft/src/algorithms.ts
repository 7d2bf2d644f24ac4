import { type CipherAlgorithm, ciphers, type MacAlgorithm, macs } from "@cryptodev/core";
import { cbc, nativeCbc } from "./primitives/cbc.ts";
import { aes, type KeyedCipher } from "./primitives/cipher.ts";
import { ctr } from "./primitives/ctr.ts";
import { ecb } from "./primitives/ecb.ts";
import { type HashFactory, hmac, plainHash } from "./primitives/hash.ts";

/** A cipher that the device has: what it asks of its caller, and how it is keyed. */
export interface CipherDriver {
  readonly algorithm: CipherAlgorithm;
  key(key: Uint8Array): KeyedCipher;
}

/** A mac that the device has: what it asks of its caller, and how it is keyed. */
export interface MacDriver {
  readonly algorithm: MacAlgorithm;
  key(key: Uint8Array): HashFactory;
}

/** AES-CBC, with a native fast path where this runtime has that key size. */
const aesCbc = (key: Uint8Array): KeyedCipher => nativeCbc(`aes-${key.length * 8}-cbc`, key) ?? cbc(aes(key));

const keyedCiphers: readonly CipherDriver[] = [
  { algorithm: ciphers.CRYPTO_NULL, key: () => ({ crypt: (_decrypt, data) => data.slice() }) },
  { algorithm: ciphers.CRYPTO_AES_CBC, key: aesCbc },
  { algorithm: ciphers.CRYPTO_AES_CTR, key: ctr },
  { algorithm: ciphers.CRYPTO_AES_ECB, key: (key) => ecb(aes(key)) },
];

const hashes: readonly string[] = ["sha1", "sha224", "sha256", "sha384", "sha512"];

const keyedMacs: readonly MacDriver[] = Object.values(macs)
  .filter((algorithm) => "kernelName" in algorithm && hashes.includes(algorithm.hash))
  .map((algorithm) => ({
    algorithm,
    key: (key) => (algorithm.keyed ? hmac(algorithm.hash, key) : plainHash(algorithm.hash)),
  }));

/** The ciphers of the device, by id. */
export const cipherDrivers: ReadonlyMap<number, CipherDriver> = new Map(
  keyedCiphers.map((driver) => [driver.algorithm.id, driver]),
);

/** The macs of the device, by id. */
export const macDrivers: ReadonlyMap<number, MacDriver> = new Map(
  keyedMacs.map((driver) => [driver.algorithm.id, driver]),
);
