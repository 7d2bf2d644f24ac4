/**
 * A replacement for node:crypto whose ciphers, hashes and HMACs run on the device. Programs import `cryptodev/crypto`,
 * which also knows how to open the device.
 *
 * @module @cryptodev/node-crypto
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

// Node.js exports these, but its types do not declare them.
const constructors = crypto as unknown as {
  readonly Cipheriv: CipherConstructor<"createCipheriv">;
  readonly Decipheriv: CipherConstructor<"createDecipheriv">;
};

/** The class of the objects that `createCipheriv` returns, which are also streams. `final()` ends the session. */
export const Cipheriv: CipherConstructor<"createCipheriv"> = constructors.Cipheriv;
/** What `createCipheriv` returns. */
export type Cipheriv = ReturnType<NodeCrypto["createCipheriv"]>;
/** The class of the objects that `createDecipheriv` returns, which are also streams. `final()` ends the session. */
export const Decipheriv: CipherConstructor<"createDecipheriv"> = constructors.Decipheriv;
/** What `createDecipheriv` returns. */
export type Decipheriv = ReturnType<NodeCrypto["createDecipheriv"]>;
/** The class of the objects that `createHash` returns, which are also streams. `digest()` ends the message. */
export const Hash: NodeCrypto["Hash"] = crypto.Hash;
/** What `createHash` returns. */
export type Hash = ReturnType<NodeCrypto["createHash"]>;
/** The class of the objects that `createHmac` returns, which are also streams. `digest()` ends the session. */
export const Hmac: NodeCrypto["Hmac"] = crypto.Hmac;
/** What `createHmac` returns. */
export type Hmac = ReturnType<NodeCrypto["createHmac"]>;
/** Starts encrypting: see {@link cryptoOf}. Cipher, key and iv are checked as in Node.js. */
export const createCipheriv: NodeCrypto["createCipheriv"] = crypto.createCipheriv;
/** Starts decrypting: see {@link cryptoOf}. */
export const createDecipheriv: NodeCrypto["createDecipheriv"] = crypto.createDecipheriv;
/** Starts a hash: see {@link cryptoOf}. */
export const createHash: NodeCrypto["createHash"] = crypto.createHash;
/** Starts an HMAC: see {@link cryptoOf}. A key of more than 512 bytes is hashed first, as RFC 2104 specifies. */
export const createHmac: NodeCrypto["createHmac"] = crypto.createHmac;
/** Lists the device's ciphers, by node's names; with `CRYPTODEV_FALLBACK=1`, node's own as well. */
export const getCiphers: NodeCrypto["getCiphers"] = crypto.getCiphers;
/** Lists the device's hashes, by node's names; with `CRYPTODEV_FALLBACK=1`, node's own as well. */
export const getHashes: NodeCrypto["getHashes"] = crypto.getHashes;
/** Hashes a message in one call. The result defaults to hexadecimal digits. */
export const hash: NodeCrypto["hash"] = crypto.hash;
