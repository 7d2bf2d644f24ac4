import { type CipherAlgorithm, ciphers, type HashName, hasSize, macs } from "@cryptodev/core";

/* node:crypto's names, which are OpenSSL's, for the device's algorithms. Case does not matter. */

/** A cipher with node's name for it. */
export interface NodeCipher {
  readonly name: string;
  readonly algorithm: CipherAlgorithm;
  readonly keySizes: CipherAlgorithm["keySizes"];
}

function sized(family: string, bits: readonly number[], mode: string, algorithm: CipherAlgorithm): NodeCipher[] {
  // A key of XTS consists of two keys, and its name has the size of one (IEEE 1619).
  const keys = mode === "xts" ? 2 : 1;
  return bits.map((size) => ({ name: `${family}-${size}-${mode}`, algorithm, keySizes: [(keys * size) / 8] }));
}

const all = [128, 192, 256];

/** All ciphers of the device that node:crypto has a name for. */
export const nodeCiphers: readonly NodeCipher[] = [
  ...sized("aes", all, "cbc", ciphers.CRYPTO_AES_CBC),
  ...sized("aes", all, "ccm", ciphers.CRYPTO_AES_CCM),
  ...sized("aes", all, "cfb", ciphers.CRYPTO_AES_CFB),
  ...sized("aes", all, "ctr", ciphers.CRYPTO_AES_CTR),
  ...sized("aes", all, "ecb", ciphers.CRYPTO_AES_ECB),
  ...sized("aes", all, "gcm", ciphers.CRYPTO_AES_GCM),
  ...sized("aes", all, "ofb", ciphers.CRYPTO_AES_OFB),
  ...sized("aes", [128, 256], "xts", ciphers.CRYPTO_AES_XTS),
  ...sized("camellia", all, "cbc", ciphers.CRYPTO_CAMELLIA_CBC),
  { name: "bf-cbc", algorithm: ciphers.CRYPTO_BLF_CBC, keySizes: ciphers.CRYPTO_BLF_CBC.keySizes },
  { name: "des-cbc", algorithm: ciphers.CRYPTO_DES_CBC, keySizes: ciphers.CRYPTO_DES_CBC.keySizes },
  { name: "des-ede3-cbc", algorithm: ciphers.CRYPTO_3DES_CBC, keySizes: ciphers.CRYPTO_3DES_CBC.keySizes },
];

const cipherAliases: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bf: "bf-cbc",
    blowfish: "bf-cbc",
    des: "des-cbc",
    des3: "des-ede3-cbc",
    ...Object.fromEntries(
      all.flatMap((size) => [
        [`aes${size}`, `aes-${size}-cbc`],
        [`camellia${size}`, `camellia-${size}-cbc`],
        [`id-aes${size}-gcm`, `aes-${size}-gcm`],
        [`id-aes${size}-ccm`, `aes-${size}-ccm`],
      ]),
    ),
  }),
);

/** Finds a cipher by node's name; `undefined` if the device's interface does not have it. */
export function findNodeCipher(name: string): NodeCipher | undefined {
  const lower = name.toLowerCase();
  const own = cipherAliases.get(lower) ?? lower;
  return nodeCiphers.find((cipher) => cipher.name === own);
}

/**
 * Returns node:crypto's name for one of the device's ciphers.
 *
 * @param keySize - bytes
 * @returns `undefined` if node:crypto does not have the cipher
 */
export function nodeNameOf(name: string, keySize: number): string | undefined {
  return nodeCiphers.find(({ algorithm, keySizes }) => algorithm.name === name && hasSize(keySizes, keySize))?.name;
}

const ownHashes = Object.values(macs).filter((mac) => !mac.keyed && "kernelName" in mac);

/** Returns the other names under which node:crypto lists a hash. */
function listedAliases(hash: string): readonly string[] {
  const upper = hash.toUpperCase();
  if (hash === "ripemd160") return ["RSA-RIPEMD160", "ripemd", "ripemd160WithRSA", "rmd160"];
  const own = hash === "sha1" ? ["RSA-SHA1-2", "ssl3-sha1"] : hash === "md5" ? ["ssl3-md5"] : [];
  return [`RSA-${upper}`, `${hash}WithRSAEncryption`, ...own];
}

/** Returns the names of a hash that node:crypto accepts but does not list. */
function otherAliases(hash: string): readonly string[] {
  return hash === "ripemd160" ? ["ripemd-160"] : [hash.replace("sha", "sha-"), hash.replace(/^sha(?=...)/, "sha2-")];
}

/** Returns all names under which node:crypto lists one of the device's hashes. */
export function listedNamesOf(hash: string): readonly string[] {
  return [hash, ...listedAliases(hash)];
}

/** The hashes, by every name that node:crypto accepts, in lower case. */
const hashNames: ReadonlyMap<string, HashName> = new Map(
  ownHashes.flatMap(({ hash }) =>
    [...listedNamesOf(hash), ...otherAliases(hash)].map((alias) => [alias.toLowerCase(), hash as HashName] as const),
  ),
);

/** Returns the size of a hash's digest in bytes. */
export function digestSizeOf(name: HashName): number {
  return ownHashes.find(({ hash }) => hash === name)?.digestSize as number;
}

/** Finds a hash by any of node's names; `undefined` if the device's interface does not have it. */
export function findNodeHash(name: string): HashName | undefined {
  return hashNames.get(name.toLowerCase());
}
