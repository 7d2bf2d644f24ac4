import { AuthenticationError } from "@cryptodev/core";
import { equalInConstantTime, MAX_AAD } from "@cryptodev/core/host";
import type { Parameters } from "./algorithms.ts";
import { type Bytes, bufferOf, withRoom } from "./bytes.ts";
import { Doubt, Lack, operationError } from "./errors.ts";
import { type AeadSession, type CipherSession, type KeySession, type Message, transferred, type Work } from "./work.ts";

/** How an algorithm encrypts and decrypts. */
export interface CipherWork {
  /** By how many bytes the ciphertext of so many bytes is longer, at most. */
  room(size: number): number;
  /**
   * Checks the parameters, before the key's session is known.
   *
   * @throws {Doubt} if the specification refuses them
   * @throws {Lack} if the device does not support them
   */
  check(size: number, isEncryption: boolean): void;
  /**
   * Encrypts or decrypts.
   *
   * @param data - bytes that only this library refers to, which are not used again: the result may be in their memory
   * @throws {DOMException} if the data is not valid
   */
  run(session: KeySession, data: Bytes, isEncryption: boolean): Work<ArrayBuffer>;
}

const BLOCK = 16;

/** What the driver accepts in one operation of an AEAD, with a margin for the tag and partial pages. */
const MAX_GCM: number = 2 ** 28 - 2 ** 14;

const GCM_IV = 12;
const GCM_TAG = 16;
const tagLengths: readonly unknown[] = [32, 64, 96, 104, 112, 120, 128];

/** Returns bytes of parameters, which were copied unless they are in shared memory, and then are not valid. */
function bytesOf(value: unknown): Bytes | undefined {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer ? (value as Bytes) : undefined;
}

/** Returns bytes of a given size, of parameters. */
function sized(value: unknown, size: number): Bytes | undefined {
  const bytes = bytesOf(value);
  return bytes?.length === size ? bytes : undefined;
}

/** Returns the work for an algorithm of the device. */
export function cipherWork(parameters: Parameters): CipherWork {
  if (parameters.name === "AES-CBC") return cbc(parameters);
  return parameters.name === "AES-CTR" ? ctr(parameters) : gcm(parameters);
}

function cbc({ iv: given }: Parameters): CipherWork {
  const iv = sized(given, BLOCK);
  return {
    room: (size) => BLOCK - (size % BLOCK),
    check(size, isEncryption) {
      const isWhole = isEncryption || (size > 0 && size % BLOCK === 0);
      if (iv === undefined || !isWhole) throw new Doubt("the iv, or the size of the data, is invalid");
    },
    *run(session, data, isEncryption) {
      const aes = session as CipherSession;
      if (isEncryption) {
        const padded = withRoom(data);
        padded.fill(padded.length - data.length, data.length);
        return bufferOf(yield aes.encrypt(padded, iv as Bytes, transferred));
      }
      const padded = yield aes.decrypt(data, iv as Bytes, transferred);
      return padded.slice(0, sizeWithoutPadding(padded)).buffer;
    },
  };
}

/** @throws {DOMException} if the padding of PKCS #7 is wrong */
function sizeWithoutPadding(data: Bytes): number {
  const count = data.at(-1) ?? 0;
  const isValid = count > 0 && count <= BLOCK && data.subarray(-count).every((byte) => byte === count);
  if (isValid) return data.length - count;
  data.fill(0);
  throw operationError(new AuthenticationError());
}

function ctr({ counter: given, length }: Parameters): CipherWork {
  const counter = sized(given, BLOCK);
  const bits = typeof length === "number" ? Math.trunc(length) : 0;
  const isValid = bits >= 1 && bits <= 128;
  return {
    room: () => 0,
    check(size) {
      const isLong = isValid && bits < 53 && Math.ceil(size / BLOCK) > 2 ** bits;
      if (counter === undefined || !isValid || isLong) throw new Doubt("the counter, or its length, is invalid");
    },
    *run(session, data) {
      const aes = session as CipherSession;
      const start = counter as Bytes;
      // The kernel counts with all 128 bits. The specification counts with the last ones and leaves the others alone, so
      // the data is split at the block for which they are zero again.
      const most = bytesUntilWrap(start, bits);
      if (data.length <= most) return bufferOf(yield aes.encrypt(data, start, transferred));
      const result = new Uint8Array(data.length);
      result.set(yield aes.encrypt(data.slice(0, most), start, transferred));
      result.set(yield aes.encrypt(data.slice(most), wrapped(start, bits), transferred), most);
      return result.buffer;
    },
  };
}

function bytesUntilWrap(counter: Bytes, bits: number): number {
  let value = 0n;
  for (const byte of counter) value = (value << 8n) | BigInt(byte);
  const all = 1n << BigInt(bits);
  return Number((all - (value & (all - 1n))) * BigInt(BLOCK));
}

/** Returns a counter whose last bits are zero. */
function wrapped(counter: Bytes, bits: number): Bytes {
  const start = counter.slice();
  const whole = bits >> 3;
  start.fill(0, BLOCK - whole);
  const first = BLOCK - 1 - whole;
  if (first >= 0) start[first] = (start[first] as number) & (0xff << (bits & 7));
  return start;
}

function gcm({ iv: given, additionalData, tagLength = 128 }: Parameters): CipherWork {
  const iv = bytesOf(given);
  const tagSize = (typeof tagLength === "number" ? Math.trunc(tagLength) : 0) / 8;
  const isValid = tagLengths.includes(tagSize * 8) && iv !== undefined && iv.length > 0;
  const aad = bytesOf(additionalData);
  return {
    room: () => GCM_TAG,
    check(size, isEncryption) {
      const hasAad = additionalData === undefined || aad !== undefined;
      if (!isValid || !hasAad || (!isEncryption && size < tagSize)) throw new Doubt("the parameters are invalid");
      if (iv.length !== GCM_IV) throw new Lack(`AES-GCM: expected an iv of ${GCM_IV} bytes, got ${iv.length}`);
      if (aad !== undefined && aad.length > MAX_AAD) {
        throw new Lack(`AES-GCM: expected at most ${MAX_AAD} bytes of additionalData, got ${aad.length}`);
      }
      if (size > MAX_GCM) throw new Lack(`AES-GCM: expected at most ${MAX_GCM} bytes, got ${size}`);
    },
    *run(session, data, isEncryption) {
      const message = { ...transferred, nonce: iv as Bytes, aad };
      const aes = session as AeadSession;
      if (isEncryption) {
        const sealed = yield aes.seal(data, message);
        return tagSize === GCM_TAG ? bufferOf(sealed) : sealed.slice(0, sealed.length - GCM_TAG + tagSize).buffer;
      }
      try {
        if (tagSize < GCM_TAG) return yield* openedWithShortTag(aes, data, message, tagSize);
        return bufferOf(yield aes.open(data, message));
      } catch (error) {
        throw error instanceof AuthenticationError ? operationError(error) : error;
      }
    },
  };
}

/**
 * Opens a message with a short tag, which is the start of the whole one. A session has one tag size, that of the whole
 * tag, so it encrypts: the ciphertext, which results in the plaintext, and that, which results in the tag.
 */
function* openedWithShortTag(aes: AeadSession, data: Bytes, message: Message, tagSize: number): Work<ArrayBuffer> {
  const size = data.length - tagSize;
  const plaintext = (yield aes.seal(data.slice(0, size), message)).slice(0, size);
  const resealed = yield aes.seal(plaintext.slice(), message);
  if (equalInConstantTime(resealed.subarray(size, size + tagSize), data.subarray(size))) return plaintext.buffer;
  plaintext.fill(0);
  throw new AuthenticationError();
}
