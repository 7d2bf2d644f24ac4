import node, { timingSafeEqual } from "node:crypto";
import type { TransformOptions } from "node:stream";
import { type AeadName, type CipherName, type Device, UnsupportedError } from "@cryptodev/core";
import { CIOCAUTHCRYPT, hasSize } from "@cryptodev/core/abi";
import { isAead, type NamedCipher } from "@cryptodev/core/algorithms";
import { type AeadTraits, CcmWork, GcmWork } from "./aead_work.ts";
import {
  duplicatedKeys,
  invalidArgType,
  invalidAuthTag,
  invalidIv,
  invalidKeyLength,
  unknownCipher,
} from "./errors.ts";
import { lacking, orNode, type Source, startOr } from "./lacks.ts";
import { findNodeCipher } from "./names.ts";
import { NodeWork } from "./node_work.ts";
import { BlockWork, SectorWork, StreamWork } from "./plain_work.ts";
import { bytesOf, sizeOptionOf, textOptionOf, withKey } from "./values.ts";
import type { Work } from "./work.ts";

/** Options of `createCipheriv` and `createDecipheriv`: the stream's, and the size of the tag. */
export interface CipherOptions extends TransformOptions {
  /** Bytes in a tag of GCM or CCM; defaults to 16 for GCM, and is required for CCM. */
  readonly authTagLength?: number | undefined;
}

/** The arguments of `createCipheriv` or `createDecipheriv`. */
export interface Request {
  readonly name: unknown;
  readonly key: unknown;
  readonly iv: unknown;
  readonly options: unknown;
  readonly decrypt: boolean;
}

/** A cipher that was started, and what can replace it. */
export interface Start {
  readonly work: Work;
  /** Bytes in a block; 1 if `update()` returns as many bytes as it gets. */
  readonly blockSize: number;
  /** The same cipher of node:crypto, which takes over if the device reaches a limit later. */
  readonly spare?: Work | undefined;
}

/** Starts a cipher and its sessions. Throws the errors of node:crypto. */
export function startWork(source: Source, request: Request): Start {
  return orNode(
    source,
    () => startOwn(source, request),
    () => ({ work: nodeWork(request), blockSize: 0 }),
  );
}

function startOwn(source: Source, { name, key, iv, options, decrypt }: Request): Start {
  if (typeof name !== "string") throw invalidArgType("cipher", "of type string", name);
  const encoding = textOptionOf(options, "encoding");
  return withKey(key, encoding, (keyBytes) => {
    const ivBytes = iv === null ? undefined : bytesOf(iv, "iv");
    const authTagLength = sizeOptionOf(options, "authTagLength");
    const found = findNodeCipher(name);
    if (found === undefined) throw lacking(unknownCipher());
    const { cipher } = found;
    const { algorithm, keySizes } = cipher;
    const isSealing = isAead(cipher);
    checkIv(isSealing, algorithm.ivSize, ivBytes);
    const tags = isSealing ? tagsOf(name, cipher, authTagLength) : undefined;
    if (isSealing) checkNonce(cipher, ivBytes as Uint8Array);
    if (!hasSize(keySizes, keyBytes.length)) throw invalidKeyLength();
    if (algorithm.name === "aes-gcm") checkGcmNonce(cipher.name, ivBytes as Uint8Array);
    // A copy, because the program may change its own iv.
    const ownIv = ivBytes === undefined || algorithm.ivSize === 0 ? undefined : new Uint8Array(ivBytes);
    const mayMove = source.isAllowed && (isSealing || algorithm.name === "aes-xts");
    const spare = mayMove ? spareOf({ name, key, iv, options, decrypt }) : undefined;
    const device = source.device();
    const blockSize = isSealing || algorithm.name === "aes-xts" ? 1 : algorithm.blockSize;
    if (!isSealing) return { work: startPlain(device, cipher, keyBytes, ownIv, decrypt), spare, blockSize };
    const traits = { nonce: ownIv as Uint8Array, decrypt, canMove: spare !== undefined };
    return { work: startAead(device, cipher, keyBytes, tags as Tags, traits), spare, blockSize };
  });
}

function nodeWork({ name, key, iv, options, decrypt }: Request): Work {
  const create = (decrypt ? node.createDecipheriv : node.createCipheriv) as (...args: unknown[]) => object;
  // Pass only the cipher's options: the stream is ours.
  const encoding = textOptionOf(options, "encoding");
  const authTagLength = sizeOptionOf(options, "authTagLength");
  const cipher = create(name, key, iv, {
    ...(encoding === undefined ? {} : { encoding }),
    ...(authTagLength === undefined ? {} : { authTagLength }),
  });
  return new NodeWork(cipher);
}

/** Creates the cipher of node:crypto; `undefined` if this runtime does not have it. */
function spareOf(request: Request): Work | undefined {
  try {
    return nodeWork(request);
  } catch {
    return undefined;
  }
}

function startPlain(
  device: Device,
  { name, algorithm }: NamedCipher<CipherName>,
  key: Uint8Array,
  iv: Uint8Array | undefined,
  decrypt: boolean,
): Work {
  const isXts = algorithm.name === "aes-xts";
  // Like OpenSSL, refuse to encrypt with a key whose halves are equal, but decrypt old data.
  if (isXts && !decrypt && timingSafeEqual(key.subarray(key.length / 2), key.subarray(0, key.length / 2))) {
    throw duplicatedKeys();
  }
  const session = startOr(unknownCipher, () => device.cipher(name, key));
  if (isXts) return new SectorWork(session, decrypt, iv as Uint8Array);
  return session.blockSize === 1 ? new StreamWork(session, decrypt, iv) : new BlockWork(session, decrypt, iv);
}

function startAead(
  device: Device,
  { name, algorithm }: NamedCipher<AeadName>,
  key: Uint8Array,
  tags: Tags,
  traits: AeadTraits,
): Work {
  const { tagSize, isTagSize } = tags;
  // Otherwise the session would start, and only the end of the message would fail.
  if (!device.answers(CIOCAUTHCRYPT)) throw lacking(unknownCipher(notIn32Bits(name)));
  const session = startOr(unknownCipher, () => device.aead(name, key, { tagSize }));
  if (algorithm.name === "aes-ccm") return new CcmWork(session, traits);
  try {
    const counter = startOr(unknownCipher, () => device.cipher("aes-ctr", key));
    return new GcmWork(session, counter, traits, isTagSize);
  } catch (error) {
    session.close();
    throw error;
  }
}

const notIn32Bits = (name: string): UnsupportedError =>
  new UnsupportedError("function", `the driver of a 64-bit kernel does not support ${name} for a 32-bit process`, {
    remedy:
      "use a 64-bit runtime, or leave it to node:crypto: CRYPTODEV_FALLBACK=1, or cryptoOf(device, { fallback: true })",
  });

/** Checks an iv. An authenticated cipher accepts any size here; a cipher without iv accepts null or an empty one. */
function checkIv(isAead: boolean, ivSize: number, iv: Uint8Array | undefined): void {
  if (iv === undefined ? ivSize > 0 : !isAead && iv.length !== ivSize) throw invalidIv();
}

/** Sizes of tags: the session's, and those that can be verified. */
interface Tags {
  readonly tagSize: number;
  readonly isTagSize: (size: number) => boolean;
}

let takesPart: boolean | undefined;

/**
 * Checks whether this runtime's node:crypto verifies a truncated tag if `authTagLength` is not given. Node.js 26 and
 * newer does not, because a short tag is easier to forge. Called only if it matters, because older versions emit a
 * warning.
 */
function takesPartOfTag(): boolean {
  if (takesPart === undefined) {
    try {
      node.createDecipheriv("aes-128-gcm", new Uint8Array(16), new Uint8Array(12)).setAuthTag(new Uint8Array(12));
      takesPart = true;
    } catch {
      takesPart = false;
    }
  }
  return takesPart;
}

function tagsOf(name: string, { algorithm }: NamedCipher, length: number | undefined): Tags {
  const sizes = algorithm.tagSizes as readonly number[];
  if (length === undefined) {
    if (algorithm.name === "aes-ccm") throw invalidAuthTag(`authTagLength required for ${name}`);
    return { tagSize: 16, isTagSize: (size) => size === 16 || (sizes.includes(size) && takesPartOfTag()) };
  }
  if (!sizes.includes(length)) throw invalidAuthTag(`Invalid authentication tag length: ${length}`);
  return { tagSize: length, isTagSize: (size) => size === length };
}

function checkNonce({ algorithm }: NamedCipher, nonce: Uint8Array): void {
  if (algorithm.name === "aes-ccm" ? nonce.length < 7 || nonce.length > 13 : nonce.length === 0) throw invalidIv();
}

function checkGcmNonce(name: string, { length }: Uint8Array): void {
  if (length === 12) return;
  throw lacking(invalidIv(new RangeError(`iv for ${name}: expected 12 bytes, got ${length}`)));
}
