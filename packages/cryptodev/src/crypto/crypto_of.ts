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
   * Whether node:crypto may do what the device cannot: algorithms that are missing from it, what is beyond its limits, and
   * all functions of node:crypto that are not ciphers, hashes or HMACs. Defaults to `false`: they throw.
   */
  readonly fallback?: boolean | undefined;
}

/**
 * Gives node:crypto over a device: `createCipheriv`, `createDecipheriv`, `createHash`, `createHmac`, `hash`, `getCiphers`
 * and `getHashes` with node's names, options, streams and errors. The default export is the same over a device that is
 * opened when it is first needed, as `open()` opens it; there the variable `CRYPTODEV_FALLBACK=1` is `fallback`.
 *
 * A session starts with each cipher or hash. It ends with `final()` or `digest()`, with the stream, by `destroy()`, or
 * when the object is collected.
 *
 * GCM accepts nonces of 12 bytes and messages of at most 256 MiB less 16 KiB, of which it keeps a copy until `final()`,
 * because the kernel takes a message at once; GCM and CCM accept at most 4096 bytes of aad; XTS works on whole blocks.
 * Beyond that they throw, or leave it to node:crypto if {@link CryptoOptions.fallback} allows it.
 *
 * @param device - stays the caller's to close
 * @returns all that node:crypto has in this runtime. What the device cannot do throws: what node:crypto throws for an
 * algorithm that it does not know, with the device's refusal as the `cause`, or an `UnsupportedError` for another function
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

/** The same over a device that is got when it is first needed. */
export function cryptoFrom(device: () => Device, isAllowed: boolean): NodeCrypto {
  const source: Source = { device, isAllowed };
  const Hash = hashConstructor(source);
  const Hmac = hmacConstructor(source);
  const Cipheriv = cipherConstructor(source, false);
  const Decipheriv = cipherConstructor(source, true);
  const names = (own: readonly string[], nodes: () => readonly string[]): string[] =>
    [...new Set([...own, ...(isAllowed ? nodes() : [])])].sort();
  // Methods, for the names and the numbers of parameters that node's functions have.
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
  // These have other numbers of parameters in other versions.
  for (const name of ["hash", "getCipherInfo"] as const) {
    Object.defineProperty(own[name], "length", { value: node[name]?.length ?? own[name].length });
  }
  return inPlaceOf(node, own as unknown as Partial<NodeCrypto>, isAllowed);
}

function availableCiphers(device: Device): string[] {
  const available = new Set(device.capabilities().flatMap(({ name, available }) => (available ? [name] : [])));
  // GCM needs the counter mode, too.
  const isThere = ({ name }: { readonly name: string }): boolean =>
    available.has(name) && (name !== "aes-gcm" || available.has("aes-ctr"));
  const ours = nodeCiphers.filter(({ algorithm }) => isThere(algorithm));
  const others = node.getCiphers().filter((name) => ours.some((cipher) => cipher === findNodeCipher(name)));
  return [...ours.map(({ name }) => name), ...others];
}

function availableHashes(device: Device): string[] {
  const available = device
    .capabilities()
    .filter(({ name, kind, available }) => kind === "hash" && available && findNodeHash(name) !== undefined)
    .map(({ name }) => name);
  // Newer versions of Node.js list more of the names that all of them accept.
  const theirs = node.getHashes().filter((name) => available.includes(findNodeHash(name) ?? ""));
  return [...available.flatMap(listedNamesOf), ...theirs];
}
