import type { AeadName, CipherName, HashName } from "@cryptodev/core";
import { hasSize } from "@cryptodev/core/abi";
import { hashes, type NamedCipher, namedCiphers } from "@cryptodev/core/algorithms";

/* node:crypto's names, which are OpenSSL's, for the device's algorithms. Case does not matter. */

/** A cipher with node's name for it. */
export interface NodeCipher {
  /** Node's name, in lower case. */
  readonly name: string;
  /** The device's cipher. */
  readonly cipher: NamedCipher<CipherName> | NamedCipher<AeadName>;
}

/** All ciphers of the device that node:crypto has a name for, ordered by that name. */
export const nodeCiphers: readonly NodeCipher[] = namedCiphers
  .flatMap((cipher) => cipher.openssl.slice(0, 1).map((name) => ({ name, cipher })))
  .sort((one, other) => (one.name < other.name ? -1 : 1));

/** Finds a cipher by node's name; `undefined` if the device's interface does not have it. */
export function findNodeCipher(name: string): NodeCipher | undefined {
  const lower = name.toLowerCase();
  return nodeCiphers.find(({ cipher }) => cipher.openssl.includes(lower));
}

/**
 * Returns node:crypto's name for one of the device's ciphers.
 *
 * @param keySize - bytes
 * @returns `undefined` if node:crypto does not have the cipher
 */
export function nodeNameOf(name: string, keySize: number): string | undefined {
  return nodeCiphers.find(({ cipher }) => cipher.algorithm.name === name && hasSize(cipher.keySizes, keySize))?.name;
}

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
  hashes.flatMap(({ name }) =>
    [...listedNamesOf(name), ...otherAliases(name)].map((alias) => [alias.toLowerCase(), name] as const),
  ),
);

/** Returns the size of a hash's digest in bytes. */
export function digestSizeOf(name: HashName): number {
  return hashes.find((hash) => hash.name === name)?.digestSize as number;
}

/** Finds a hash by any of node's names; `undefined` if the device's interface does not have it. */
export function findNodeHash(name: string): HashName | undefined {
  return hashNames.get(name.toLowerCase());
}
