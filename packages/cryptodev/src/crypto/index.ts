/**
 * Stands in the place of node:crypto: its ciphers, hashes and HMACs, done by the device.
 *
 * @module cryptodev/crypto
 */
import type { NodeCrypto } from "./crypto_of.ts";
import { crypto } from "./device_crypto.ts";

export { type CryptoOptions, cryptoOf, type NodeCrypto } from "./crypto_of.ts";
export * from "./node_names.ts";
export type { CipherOptions } from "./start_work.ts";
export default crypto;

/** A constructor with the arguments and the results of a function. */
type CipherConstructor<Name extends "createCipheriv" | "createDecipheriv"> = new (
  ...args: Parameters<NodeCrypto[Name]>
) => ReturnType<NodeCrypto[Name]>;

// Node.js has them, and its types do not.
const constructors = crypto as unknown as {
  readonly Cipheriv: CipherConstructor<"createCipheriv">;
  readonly Decipheriv: CipherConstructor<"createDecipheriv">;
};

/** What `createCipheriv` makes: a stream, and data in pieces. The session ends with `final()`. */
export const Cipheriv: CipherConstructor<"createCipheriv"> = constructors.Cipheriv;
/** What `createDecipheriv` makes: a stream, and data in pieces. The session ends with `final()`. */
export const Decipheriv: CipherConstructor<"createDecipheriv"> = constructors.Decipheriv;
/** What `createHash` makes: a stream, and a message in pieces. The session ends with `digest()`. */
export const Hash: NodeCrypto["Hash"] = crypto.Hash;
/** What `createHmac` makes: a stream, and a message in pieces. The session ends with `digest()`. */
export const Hmac: NodeCrypto["Hmac"] = crypto.Hmac;
/** Starts encrypting: see {@link cryptoOf}. The cipher, the key and the iv are checked as node does. */
export const createCipheriv: NodeCrypto["createCipheriv"] = crypto.createCipheriv;
/** Starts decrypting: see {@link cryptoOf}. */
export const createDecipheriv: NodeCrypto["createDecipheriv"] = crypto.createDecipheriv;
/** Starts a hash: see {@link cryptoOf}. */
export const createHash: NodeCrypto["createHash"] = crypto.createHash;
/** Starts an HMAC: see {@link cryptoOf}. A key of more than 512 bytes is hashed first, as RFC 2104 has it. */
export const createHmac: NodeCrypto["createHmac"] = crypto.createHmac;
/** Lists the ciphers that the device has, under node's names; with `CRYPTODEV_FALLBACK=1` node's own as well. */
export const getCiphers: NodeCrypto["getCiphers"] = crypto.getCiphers;
/** Lists the hashes that the device has; with `CRYPTODEV_FALLBACK=1` node's own as well. */
export const getHashes: NodeCrypto["getHashes"] = crypto.getHashes;
/** Hashes a message at once, into hexadecimal digits unless told otherwise. */
export const hash: NodeCrypto["hash"] = crypto.hash;
