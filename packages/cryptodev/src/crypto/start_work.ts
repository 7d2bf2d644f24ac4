import type { TransformOptions } from "node:stream";
import { type AeadName, CIOCAUTHCRYPT, type CipherName, type Device, hasSize, UnsupportedError } from "@cryptodev/core";
import { CcmWork, GcmWork } from "./aead_work.ts";
import {
  invalidArgType,
  invalidArgValue,
  invalidAuthTag,
  invalidIv,
  invalidKeyLength,
  unknownCipher,
} from "./errors.ts";
import { lacking, startOr } from "./lacks.ts";
import { findNodeCipher, type NodeCipher } from "./names.ts";
import { ChunkedWork, SectorWork } from "./plain_work.ts";
import { bytesOf, withKey } from "./values.ts";
import type { Work } from "./work.ts";

/** Options of `createCipheriv` and `createDecipheriv`: those of the stream, and the size of the tag in bytes. */
export interface CipherOptions extends TransformOptions {
  /** Bytes in a tag of GCM or CCM; 16 if left out for GCM, while CCM asks for it. */
  readonly authTagLength?: number | undefined;
}

/** What `createCipheriv` was called with, or `createDecipheriv`. */
export interface Request {
  readonly name: unknown;
  readonly key: unknown;
  readonly iv: unknown;
  readonly options: CipherOptions | undefined;
}

/** Starts the sessions that a request takes, and what works with them. @throws what node:crypto throws */
export function startWork(device: Device, { name, key, iv, options }: Request, decrypt: boolean): Work {
  if (typeof name !== "string") throw invalidArgType("cipher", "of type string", name);
  const authTagLength = tagLengthOf(options);
  return withKey(key, options?.encoding, (keyBytes) => {
    const ivBytes = iv === null ? undefined : bytesOf(iv, "iv");
    const cipher = findNodeCipher(name);
    if (cipher === undefined) throw lacking(unknownCipher());
    const { algorithm, keySizes } = cipher;
    checkIv(algorithm.kind === "aead", algorithm.ivSize, ivBytes);
    const isKey = hasSize(keySizes, keyBytes.length);
    if (algorithm.kind !== "aead") {
      if (!isKey) throw invalidKeyLength();
      const session = startOr(unknownCipher, () => device.cipher(algorithm.name as CipherName, keyBytes));
      const ownIv = algorithm.ivSize === 0 ? undefined : new Uint8Array(ivBytes as Uint8Array);
      return algorithm.name === "aes-xts"
        ? new SectorWork(session, decrypt, ownIv as Uint8Array)
        : new ChunkedWork(session, decrypt, ownIv);
    }
    const isCcm = algorithm.name === "aes-ccm";
    const nonce = new Uint8Array(ivBytes as Uint8Array);
    const tagSize = checkTagLength(cipher, isCcm, authTagLength);
    if (isCcm ? nonce.length < 7 || nonce.length > 13 : nonce.length === 0) throw invalidIv();
    if (!isKey) throw invalidKeyLength();
    if (!isCcm && nonce.length !== 12) {
      throw lacking(invalidIv(new RangeError(`iv for ${cipher.name}: the device takes 12 bytes, got ${nonce.length}`)));
    }
    // Its session would start, and only the end of the message fail.
    if (!device.answers(CIOCAUTHCRYPT)) throw lacking(unknownCipher(notIn32Bits(cipher.name)));
    const session = startOr(unknownCipher, () => device.aead(algorithm.name as AeadName, keyBytes, { tagSize }));
    if (isCcm) return new CcmWork(session, decrypt, nonce);
    try {
      const counter = startOr(unknownCipher, () => device.cipher("aes-ctr", keyBytes));
      return new GcmWork(session, counter, decrypt, nonce);
    } catch (error) {
      session.close();
      throw error;
    }
  });
}

const notIn32Bits = (name: string): UnsupportedError =>
  new UnsupportedError(`the driver of a 64-bit kernel does not do ${name} for a 32-bit process`, {
    remedy:
      "use a 64-bit runtime, or leave it to node:crypto: CRYPTODEV_FALLBACK=1, or cryptoOf(device, { fallback: true })",
  });

/** An iv of its one size, or of any for an authenticated cipher; a cipher without one takes null and nothing. */
function checkIv(isAead: boolean, ivSize: number, iv: Uint8Array | undefined): void {
  if (iv === undefined ? ivSize > 0 : !isAead && iv.length !== ivSize) throw invalidIv();
}

function tagLengthOf(options: CipherOptions | undefined): number | undefined {
  const length: unknown = options?.authTagLength ?? undefined;
  if (length === undefined || (typeof length === "number" && length >>> 0 === length)) return length as number;
  const got = typeof length === "number" ? length : `'${typeof length === "string" ? length : typeof length}'`;
  throw invalidArgValue(`The property 'options.authTagLength' is invalid. Received ${got}`);
}

function checkTagLength({ name, algorithm }: NodeCipher, isRequired: boolean, length: number | undefined): number {
  if (length === undefined && isRequired) throw invalidAuthTag(`authTagLength required for ${name}`);
  if (length === undefined || algorithm.tagSizes?.includes(length)) return length ?? 16;
  throw invalidAuthTag(`Invalid authentication tag length: ${length}`);
}
