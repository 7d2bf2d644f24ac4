import node from "node:crypto";
import type { Device } from "@cryptodev/core";
import { cipherInfo } from "./cipher_info.ts";
import { cipherConstructor } from "./ciphers.ts";
import { inPlaceOf } from "./delegate.ts";
import { digestOf, hashConstructor, hmacConstructor } from "./digests.ts";
import type { Source } from "./lacks.ts";
import { findNodeCipher, findNodeHash, listedNamesOf, nodeCiphers } from "./names.ts";

/** The interface of node:crypto, as the program's own types declare it. */
export type NodeCrypto = typeof node;

/** Options of {@link cryptoOf}. */
export interface CryptoOptions {
  /**
   * Whether node:crypto takes over what the device does not support: missing algorithms, data beyond its limits, and
   * all functions of node:crypto other than ciphers, hashes and HMACs. Defaults to `false`: they throw.
   */
  readonly fallback?: boolean | undefined;
}

/**
 * Returns node:crypto over a device: `createCipheriv`, `createDecipheriv`, `createHash`, `createHmac`, `hash`,
 * `getCiphers` and `getHashes` with node's names, options, streams and errors. The default export does the same over a
 * device that `open()` opens on first use; there, `CRYPTODEV_FALLBACK=1` in the environment sets `fallback`.
 *
 * Each cipher and HMAC starts a session. It ends with `final()` or `digest()`, with the end of the stream, by
 * `destroy()`, or when the object is garbage-collected. Up to four sessions of each hash, which do not have a key, are
 * kept for later messages until the device is closed. Data of at most 4096 bytes waits for the next call or for
 * `digest()`, which saves calls to the kernel.
 *
 * GCM accepts nonces of 12 bytes and messages of at most 256 MiB minus 16 KiB, and keeps a copy of the message until
 * `final()`, because the kernel accepts it only as a whole. GCM and CCM accept at most 4096 bytes of aad. XTS accepts
 * only whole blocks. Beyond these limits they throw, or node:crypto takes over if {@link CryptoOptions.fallback} allows
 * it.
 *
 * An algorithm that is missing throws the error that node:crypto throws for an unknown algorithm, with the device's
 * error as its `cause`. Other functions of node:crypto throw an `UnsupportedError`.
 *
 * @param device - the caller closes it
 * @returns everything that node:crypto has in this runtime
 * @example
 * ```ts
 * import { open } from "cryptodev";
 * import { cryptoOf } from "cryptodev/crypto";
 *
 * const device = open({ backend: "auto" });
 * const { createHash } = cryptoOf(device);
 * console.log(createHash("sha1").update("abc").digest("hex")); // a9993e364706816aba3e25717850c26c9cd0d89d
 * device.close();
 * ```
 */
export function cryptoOf(device: Device, { fallback = false }: CryptoOptions = {}): NodeCrypto {
  return cryptoFrom(() => device, fallback);
}

/** Implements {@link cryptoOf} over a device that is requested on first use. */
export function cryptoFrom(device: () => Device, isAllowed: boolean): NodeCrypto {
  const source: Source = { device, isAllowed };
  const Hash = hashConstructor(source);
  const Hmac = hmacConstructor(source);
  const Cipheriv = cipherConstructor(source, false);
  const Decipheriv = cipherConstructor(source, true);
  const names = (own: readonly string[], nodes: () => readonly string[]): string[] =>
    [...new Set([...own, ...(isAllowed ? nodes() : [])])].sort();
  // Methods, so that `name` and `length` are those of node's functions.
  const own = {
    createCipheriv(name: unknown, key: unknown, iv: unknown, options: unknown) {
      return new Cipheriv(name, key, iv, options);
    },
    createDecipheriv(name: unknown, key: unknown, iv: unknown, options: unknown) {
      return new Decipheriv(name, key, iv, options);
    },
    createHash(algorithm: unknown, options: unknown) {
      return new Hash(algorithm, options);
    },
    createHmac(algorithm: unknown, key: unknown, options: unknown) {
      return new Hmac(algorithm, key, options);
    },
    hash(algorithm: unknown, input: unknown, options: unknown) {
      return digestOf(source, algorithm, input, options);
    },
    getCiphers: () => names(availableCiphers(device()), node.getCiphers),
    getHashes: () => names(availableHashes(device()), node.getHashes),
    getCipherInfo(nameOrNid: unknown, options: unknown) {
      return cipherInfo(nameOrNid, options);
    },
    Cipheriv,
    Decipheriv,
    Hash,
    Hmac,
  };
  // The number of their parameters depends on the runtime's version.
  for (const name of ["hash", "getCipherInfo"] as const) {
    Object.defineProperty(own[name], "length", { value: node[name]?.length ?? own[name].length });
  }
  return inPlaceOf(node, own as unknown as Partial<NodeCrypto>, isAllowed);
}

function availableCiphers(device: Device): string[] {
  const available: ReadonlySet<string> = new Set(
    device.capabilities().flatMap(({ name, available }) => (available ? [name] : [])),
  );
  // GCM also needs counter mode.
  const isThere = ({ name }: { readonly name: string }): boolean =>
    available.has(name) && (name !== "aes-gcm" || available.has("aes-ctr"));
  const ours = nodeCiphers.filter(({ cipher }) => isThere(cipher.algorithm));
  const others = node.getCiphers().filter((name) => ours.some((cipher) => cipher === findNodeCipher(name)));
  return [...ours.map(({ name }) => name), ...others];
}

function availableHashes(device: Device): string[] {
  const available: readonly string[] = device
    .capabilities()
    .filter(({ name, kind, available }) => kind === "hash" && available && findNodeHash(name) !== undefined)
    .map(({ name }) => name);
  // Newer versions of Node.js list more names, all of which older ones accept as well.
  const theirs = node.getHashes().filter((name) => available.includes(findNodeHash(name) ?? ""));
  return [...available.flatMap(listedNamesOf), ...theirs];
}
