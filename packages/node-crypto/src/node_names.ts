import type { NodeCrypto } from "./crypto_of.ts";
import { crypto } from "./device_crypto.ts";

export type * from "node:crypto";

/*
 * The other exports of node:crypto, for imports by name. They are node:crypto's own if that is allowed, else they
 * throw.
 */

// The names of exports cannot be computed. These are Node.js 20's; the default export has all of this runtime's. A class
// needs a type beside its constant, which hides that of the same name above.
export const Certificate: NodeCrypto["Certificate"] = crypto.Certificate;
export type Certificate = NodeCrypto["Certificate"]["prototype"];
export const DiffieHellman: NodeCrypto["DiffieHellman"] = crypto.DiffieHellman;
export type DiffieHellman = NodeCrypto["DiffieHellman"]["prototype"];
export const DiffieHellmanGroup: NodeCrypto["DiffieHellmanGroup"] = crypto.DiffieHellmanGroup;
export type DiffieHellmanGroup = ReturnType<NodeCrypto["getDiffieHellman"]>;
export const ECDH: NodeCrypto["ECDH"] = crypto.ECDH;
export type ECDH = NodeCrypto["ECDH"]["prototype"];
export const KeyObject: NodeCrypto["KeyObject"] = crypto.KeyObject;
export type KeyObject = NodeCrypto["KeyObject"]["prototype"];
export const Sign: NodeCrypto["Sign"] = crypto.Sign;
export type Sign = NodeCrypto["Sign"]["prototype"];
export const Verify: NodeCrypto["Verify"] = crypto.Verify;
export type Verify = NodeCrypto["Verify"]["prototype"];
export const X509Certificate: NodeCrypto["X509Certificate"] = crypto.X509Certificate;
export type X509Certificate = NodeCrypto["X509Certificate"]["prototype"];
export const checkPrime: NodeCrypto["checkPrime"] = crypto.checkPrime;
export const checkPrimeSync: NodeCrypto["checkPrimeSync"] = crypto.checkPrimeSync;
export const constants: NodeCrypto["constants"] = crypto.constants;
export const createDiffieHellman: NodeCrypto["createDiffieHellman"] = crypto.createDiffieHellman;
export const createDiffieHellmanGroup: NodeCrypto["createDiffieHellmanGroup"] = crypto.createDiffieHellmanGroup;
export const createECDH: NodeCrypto["createECDH"] = crypto.createECDH;
export const createPrivateKey: NodeCrypto["createPrivateKey"] = crypto.createPrivateKey;
export const createPublicKey: NodeCrypto["createPublicKey"] = crypto.createPublicKey;
export const createSecretKey: NodeCrypto["createSecretKey"] = crypto.createSecretKey;
export const createSign: NodeCrypto["createSign"] = crypto.createSign;
export const createVerify: NodeCrypto["createVerify"] = crypto.createVerify;
export const diffieHellman: NodeCrypto["diffieHellman"] = crypto.diffieHellman;
export const generateKey: NodeCrypto["generateKey"] = crypto.generateKey;
export const generateKeyPair: NodeCrypto["generateKeyPair"] = crypto.generateKeyPair;
export const generateKeyPairSync: NodeCrypto["generateKeyPairSync"] = crypto.generateKeyPairSync;
export const generateKeySync: NodeCrypto["generateKeySync"] = crypto.generateKeySync;
export const generatePrime: NodeCrypto["generatePrime"] = crypto.generatePrime;
export const generatePrimeSync: NodeCrypto["generatePrimeSync"] = crypto.generatePrimeSync;
export const getCipherInfo: NodeCrypto["getCipherInfo"] = crypto.getCipherInfo;
export const getCurves: NodeCrypto["getCurves"] = crypto.getCurves;
export const getDiffieHellman: NodeCrypto["getDiffieHellman"] = crypto.getDiffieHellman;
export const getFips: NodeCrypto["getFips"] = crypto.getFips;
export const getRandomValues: NodeCrypto["getRandomValues"] = crypto.getRandomValues;
export const hkdf: NodeCrypto["hkdf"] = crypto.hkdf;
export const hkdfSync: NodeCrypto["hkdfSync"] = crypto.hkdfSync;
export const pbkdf2: NodeCrypto["pbkdf2"] = crypto.pbkdf2;
export const pbkdf2Sync: NodeCrypto["pbkdf2Sync"] = crypto.pbkdf2Sync;
export const privateDecrypt: NodeCrypto["privateDecrypt"] = crypto.privateDecrypt;
export const privateEncrypt: NodeCrypto["privateEncrypt"] = crypto.privateEncrypt;
export const publicDecrypt: NodeCrypto["publicDecrypt"] = crypto.publicDecrypt;
export const publicEncrypt: NodeCrypto["publicEncrypt"] = crypto.publicEncrypt;
export const randomBytes: NodeCrypto["randomBytes"] = crypto.randomBytes;
export const randomFill: NodeCrypto["randomFill"] = crypto.randomFill;
export const randomFillSync: NodeCrypto["randomFillSync"] = crypto.randomFillSync;
export const randomInt: NodeCrypto["randomInt"] = crypto.randomInt;
export const randomUUID: NodeCrypto["randomUUID"] = crypto.randomUUID;
export const scrypt: NodeCrypto["scrypt"] = crypto.scrypt;
export const scryptSync: NodeCrypto["scryptSync"] = crypto.scryptSync;
export const secureHeapUsed: NodeCrypto["secureHeapUsed"] = crypto.secureHeapUsed;
export const setEngine: NodeCrypto["setEngine"] = crypto.setEngine;
export const setFips: NodeCrypto["setFips"] = crypto.setFips;
export const sign: NodeCrypto["sign"] = crypto.sign;
export const subtle: NodeCrypto["subtle"] = crypto.subtle;
export const timingSafeEqual: NodeCrypto["timingSafeEqual"] = crypto.timingSafeEqual;
export const verify: NodeCrypto["verify"] = crypto.verify;
export const webcrypto: NodeCrypto["webcrypto"] = crypto.webcrypto;

// Exports of older or newer versions or of other runtimes, which the types do not declare; undefined if this runtime does
// not have them.
const others: Readonly<Record<string, unknown>> = crypto as unknown as Readonly<Record<string, unknown>>;
export const Cipher: unknown = others.Cipher;
export type Cipher = ReturnType<NodeCrypto["createCipheriv"]>;
export const Decipher: unknown = others.Decipher;
export type Decipher = ReturnType<NodeCrypto["createDecipheriv"]>;
export const argon2: unknown = others.argon2;
export const argon2Sync: unknown = others.argon2Sync;
export const createMac: unknown = others.createMac;
export const decapsulate: unknown = others.decapsulate;
export const encapsulate: unknown = others.encapsulate;
export const getMacs: unknown = others.getMacs;
export const parsePKCS12: unknown = others.parsePKCS12;
export const pseudoRandomBytes: unknown = others.pseudoRandomBytes;
export const randomUUIDv7: unknown = others.randomUUIDv7;
