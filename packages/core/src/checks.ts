import { hasSize, isList } from "./abi/ciphers.ts";
import { CRYPTO_HMAC_MAX_KEY_LEN } from "./abi/constants.ts";
import type { MacAlgorithm } from "./abi/macs.ts";
import type { NamedCipher } from "./algorithms/catalogue.ts";
import { MAX_AAD, MAX_PAGES, PAGE } from "./kernel/limits.ts";
import { byteLengthOf, byteOffsetOf, overlap, sizeOf } from "./memory/bytes.ts";
import { decodeHex, inWords } from "./words.ts";

/*
 * The sizes that the device requires, checked before the call: many of these mistakes crash a kernel, because the
 * driver does not check pointers before it writes. A wrong kind of value is a TypeError, a wrong size a RangeError.
 * Messages are built only if a check fails.
 */

function sizesInWords(sizes: NamedCipher["keySizes"]): string {
  if (!isList(sizes)) return `${sizes.min === sizes.max ? sizes.min : `${sizes.min} to ${sizes.max}`} bytes`;
  const last = sizes.at(-1);
  const words = sizes.length < 2 ? `${last}` : `${sizes.slice(0, -1).join(", ")} or ${last}`;
  return `${words} bytes`;
}

/** Bytes in hex are twice as long. Their content is not looked at: it may be a secret. */
function hexHint(size: number, sizes: NamedCipher["keySizes"]): string {
  return isList(sizes) && sizes.includes(size / 2)
    ? `; if it is the text of bytes in hex, decode it: ${decodeHex}`
    : "";
}

/**
 * Ends a message with the right order of the parameters, if two of them seem to be swapped: types cannot tell apart two
 * byte arrays.
 *
 * @param other - the other parameter; `undefined` if there is none
 * @param sizes - the sizes of which the refused one should have had one
 */
function orderHint(other: Uint8Array | undefined, sizes: NamedCipher["keySizes"], order: string): string {
  return other instanceof Uint8Array && hasSize(sizes, byteLengthOf(other)) ? `; the order is ${order}` : "";
}

/**
 * Checks that bytes have one of the given sizes.
 *
 * @param other - a parameter that may have been swapped with this one; `order` is the right order
 * @returns their size
 */
export function checkSizes(
  bytes: Uint8Array,
  sizes: NamedCipher["keySizes"],
  role: string,
  name: string,
  other?: Uint8Array,
  order = "",
): number {
  const size = sizeOf(bytes, role, name);
  if (hasSize(sizes, size)) return size;
  const hint = orderHint(other, sizes, order) || hexHint(size, sizes);
  throw new RangeError(`${role} for ${name}: expected ${sizesInWords(sizes)}, got ${size}${hint}`);
}

export function checkKey(key: Uint8Array, { name, keySizes }: NamedCipher): void {
  checkSizes(key, keySizes, "key", name);
}

/** Refuses a key if the mac does not use one, and a missing key if it does. */
export function checkMacKey(key: Uint8Array | undefined, { name, hash, keyed }: MacAlgorithm): void {
  if (keyed) checkAtMost(key as Uint8Array, CRYPTO_HMAC_MAX_KEY_LEN, "key", name);
  else if (key !== undefined) throw new TypeError(`key for ${name}: expected none; hmac-${hash} has one`);
}

function checkAtMost(bytes: Uint8Array, most: number, role: string, name: string): number {
  const size = sizeOf(bytes, role, name);
  if (size > most) throw new RangeError(`${role} for ${name}: expected at most ${most} bytes, got ${size}`);
  return size;
}

/**
 * Measures data that has to fit in one call.
 *
 * @param written - by how many bytes a result in separate memory is longer than the data; omitted for in-place work
 */
export function checkOneCall(data: Uint8Array, role: string, name: string, written?: number): number {
  const size = sizeOf(data, role, name);
  checkOneCallSize(written === undefined ? size : 2 * size + written, role, name);
  return size;
}

/** Refuses more bytes of source and destination together than the driver accepts in one call. */
export function checkOneCallSize(size: number, role: string, name: string): void {
  if (size > MAX_PAGES * PAGE) refuseTooLong(role, name, size);
}

/** @throws {RangeError} always: the memory is more than the driver accepts in one call */
export function refuseTooLong(role: string, name: string, size: number): never {
  throw new RangeError(
    `${role} for ${name}: expected at most ${MAX_PAGES} pages of ${PAGE} bytes for source and destination together, which is what the driver accepts in one call, got ${size} bytes`,
  );
}

/** @returns the size of associated data; omitted data counts as empty */
export function checkAad(aad: Uint8Array | undefined, role: string, name: string): number {
  return aad === undefined ? 0 : checkHeader(aad, role, name);
}

/** @returns the size of associated data that is required but may be empty */
export function checkHeader(header: Uint8Array, role: string, name: string): number {
  return checkAtMost(header, MAX_AAD, role, name);
}

/** Refuses chunks of XTS: each operation encrypts a whole sector. */
export function requireChunks(cipher: NamedCipher, method: "encryptor" | "decryptor"): void {
  if (!isXts(cipher)) return;
  const instead = method === "encryptor" ? "encrypt" : "decrypt";
  throw new RangeError(`${cipher.name} has no ${method}(): ${instead} each sector with ${instead}() and its own iv`);
}

/**
 * Refuses data for several calls if separate operations do not produce the same result as one operation over all of it.
 *
 * @param most - the bytes of one call
 */
export function requireDivisible(cipher: NamedCipher, size: number, most: number): void {
  if (size <= most || !isXts(cipher)) return;
  throw new RangeError(
    `source for ${cipher.name}: expected at most ${most} bytes, the chunkSize of the device, got ${size}; a sector cannot be divided`,
  );
}

/** @returns the size of data that consists of whole blocks */
export function checkSource(source: Uint8Array, { name, algorithm }: NamedCipher): number {
  const size = sizeOf(source, "source", name);
  if (size % algorithm.blockSize !== 0) {
    throw new RangeError(`source for ${name}: expected a multiple of ${algorithm.blockSize} bytes, got ${size}`);
  }
  return size;
}

/** Checks that memory has room for a result of `size` bytes. */
export function checkRoom(memory: Uint8Array, size: number, role: string, name: string): number {
  const room = sizeOf(memory, role, name);
  if (room < size) throw new RangeError(`${role} for ${name}: expected at least ${size} bytes, got ${room}`);
  return room;
}

/**
 * Checks that a destination has room for the result, and is either the source itself or separate from it. The kernel
 * checks neither.
 */
export function checkDestination(
  destination: Uint8Array,
  written: number,
  source: Uint8Array,
  size: number,
  name: string,
): void {
  checkRoom(destination, written, "destination", name);
  // A partial overlap makes the result undefined. Views at the same offset of their buffers either start together or
  // are separate, and most calls are such: the buffer of a small view has to be created first, which costs more than
  // the operation.
  const isShifted = source !== destination && byteOffsetOf(source) !== byteOffsetOf(destination);
  if (isShifted && overlap(source, size, destination, written)) refuseOverlap(name);
}

/** @throws {RangeError} always: source and destination share memory and do not start together */
export function refuseOverlap(name: string): never {
  throw new RangeError(`destination for ${name}: expected the source itself or memory apart from it, got an overlap`);
}

/** Refuses memory that is written for two purposes at once, or read while it is written. */
export function checkApart(
  written: Uint8Array,
  writtenSize: number,
  other: Uint8Array,
  otherSize: number,
  role: string,
  name: string,
): void {
  if (overlap(written, writtenSize, other, otherSize)) refuseShared(role, name);
}

/** @throws {RangeError} always: the memory is that of the destination */
export function refuseShared(role: string, name: string): never {
  throw new RangeError(`${role} for ${name}: expected memory apart from the destination`);
}

/** Checks the size of a tag: the kernel crashes if the algorithm does not have it. */
export function checkTagSize(size: number, name: string, sizes: readonly number[]): void {
  if (hasSize(sizes, size)) return;
  throw new RangeError(`tag size for ${name}: expected ${sizesInWords(sizes)}, got ${inWords(size)}`);
}

/**
 * Checks an iv. It is required if the cipher uses one: without it the kernel would continue from its last operation, or
 * use zeros in a fresh session.
 *
 * @param other - the parameter before the iv, with which it may have been swapped; `order` is the right order
 */
export function checkIv(
  iv: Uint8Array | undefined,
  { name, algorithm: { ivSize } }: NamedCipher,
  other?: Uint8Array,
  order = "",
): void {
  if (ivSize === 0) {
    if (iv === undefined) return;
    throw new RangeError(`iv for ${name}: expected none, as it has no iv; got ${inWords(iv)}`);
  }
  if (iv === undefined) throw new TypeError(`iv for ${name}: expected ${ivSize} bytes, got none`);
  const size = sizeOf(iv, "iv", name);
  if (size === ivSize) return;
  // Data that was passed as the iv is longer than one.
  const hint = (size > ivSize && orderHint(other, [ivSize], order)) || hexHint(size, [ivSize]);
  throw new RangeError(`iv for ${name}: expected ${ivSize} bytes, got ${size}${hint}`);
}

/** Whether a cipher is XTS, whose tweak restarts wherever the driver splits the data. */
export function isXts({ algorithm }: NamedCipher): boolean {
  return algorithm.name === "aes-xts";
}

/** Data is split at multiples of this: a partial block uses up a whole block of the key stream. */
export function granularityOf({ algorithm: { blockSize, ivSize } }: NamedCipher): number {
  return blockSize > 1 ? blockSize : Math.max(1, ivSize);
}
