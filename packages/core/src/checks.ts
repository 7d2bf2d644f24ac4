import { hasSize, isList } from "./abi/ciphers.ts";
import { CRYPTO_HMAC_MAX_KEY_LEN } from "./abi/constants.ts";
import type { MacAlgorithm } from "./abi/macs.ts";
import type { NamedCipher } from "./algorithms.ts";
import { LONGEST_AAD, MOST_PAGES, PAGE } from "./kernel/limits.ts";
import { byteOffsetOf, overlap, sizeOf } from "./memory/bytes.ts";
import { inWords } from "./words.ts";

/*
 * The sizes that the device asks for, checked before it is asked: many of these mistakes crash a kernel, which looks at
 * no pointer before it writes. Kinds are TypeErrors, sizes RangeErrors. What is wrong is put into words only when it is.
 */

function sizesInWords(sizes: NamedCipher["keySizes"]): string {
  if (!isList(sizes)) return `${sizes.min === sizes.max ? sizes.min : `${sizes.min} to ${sizes.max}`} bytes`;
  const last = sizes.at(-1);
  const words = sizes.length < 2 ? `${last}` : `${sizes.slice(0, -1).join(", ")} or ${last}`;
  return `${words} bytes`;
}

/** Bytes of one of the sizes that there are. */
export function checkSizes(bytes: Uint8Array, sizes: NamedCipher["keySizes"], role: string, name: string): number {
  const size = sizeOf(bytes, role, name);
  if (!hasSize(sizes, size)) throw new RangeError(`${role} for ${name}: expected ${sizesInWords(sizes)}, got ${size}`);
  return size;
}

export function checkKey(key: Uint8Array, { name, keySizes }: NamedCipher): void {
  checkSizes(key, keySizes, "key", name);
}

/** Refuses a key for a mac that has none, and a missing one for a mac that needs it. */
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
 * Measures data that has to go in one call.
 *
 * @param written - how many bytes more than these a result in memory apart has; left out for work in place
 */
export function checkOneCall(data: Uint8Array, role: string, name: string, written?: number): number {
  const size = sizeOf(data, role, name);
  checkOneCallSize(written === undefined ? size : 2 * size + written, role, name);
  return size;
}

/** Refuses more bytes of source and destination together than the driver takes in one call. */
export function checkOneCallSize(size: number, role: string, name: string): void {
  if (size > MOST_PAGES * PAGE) refuseTooLong(role, name, size);
}

/** @throws `RangeError` for more memory than the driver takes in one call */
export function refuseTooLong(role: string, name: string, size: number): never {
  throw new RangeError(
    `${role} for ${name}: expected at most ${MOST_PAGES} pages of ${PAGE} bytes for source and destination together, which is what the driver takes in one call, got ${size} bytes`,
  );
}

/** @returns the size of associated data; none is as good as an empty one */
export function checkAad(aad: Uint8Array | undefined, role: string, name: string): number {
  return aad === undefined ? 0 : checkHeader(aad, role, name);
}

/** @returns the size of associated data that is never left out, though it may be empty */
export function checkHeader(header: Uint8Array, role: string, name: string): number {
  return checkAtMost(header, LONGEST_AAD, role, name);
}

/** Refuses to go on from one operation to the next where that is not the same as one operation over both. */
export function requireChunks(cipher: NamedCipher, what: string): void {
  if (!isXts(cipher)) return;
  throw new RangeError(
    `source for ${cipher.name}: ${what} cannot be worked on in parts, as each sector has an iv of its own`,
  );
}

/** @returns the size of data that is whole blocks */
export function checkSource(source: Uint8Array, { name, algorithm }: NamedCipher): number {
  const size = sizeOf(source, "source", name);
  if (size % algorithm.blockSize !== 0) {
    throw new RangeError(`source for ${name}: expected a multiple of ${algorithm.blockSize} bytes, got ${size}`);
  }
  return size;
}

/** Memory for a result of `size` bytes. */
export function checkRoom(memory: Uint8Array, size: number, role: string, name: string): number {
  const room = sizeOf(memory, role, name);
  if (room < size) throw new RangeError(`${role} for ${name}: expected at least ${size} bytes, got ${room}`);
  return room;
}

/** A destination has room for all that is written, and is the source itself or apart from it: the kernel checks neither. */
export function checkDestination(
  destination: Uint8Array,
  written: number,
  source: Uint8Array,
  size: number,
  name: string,
): void {
  checkRoom(destination, written, "destination", name);
  // In between, what comes out is undefined. Views at the same place of their buffers start together or are apart, which is
  // all that most calls need to know: the buffer of a small view has to be made first, and costs more than the operation.
  const isShifted = source !== destination && byteOffsetOf(source) !== byteOffsetOf(destination);
  if (isShifted && overlap(source, size, destination, written)) refuseOverlap(name);
}

/** @throws `RangeError` for a source and a destination that share memory and do not start together */
export function refuseOverlap(name: string): never {
  throw new RangeError(`destination for ${name}: expected the source itself or memory apart from it, got an overlap`);
}

/** Refuses memory that is written for two things at once, or read while it is written. */
export function checkApart(
  written: Uint8Array,
  writtenSize: number,
  other: Uint8Array,
  otherSize: number,
  role: string,
  name: string,
): void {
  if (!overlap(written, writtenSize, other, otherSize)) return;
  throw new RangeError(`${role} for ${name}: expected memory apart from the destination`);
}

/** A tag size that the algorithm has: the kernel crashes over any other. */
export function checkTagSize(size: number, name: string, sizes: readonly number[]): void {
  if (hasSize(sizes, size)) return;
  throw new RangeError(`tag size for ${name}: expected ${sizesInWords(sizes)}, got ${inWords(size)}`);
}

/**
 * An iv is given, or left out to go on from where the session's last operation ended. The kernel would start a fresh
 * session from an iv of zeros, XTS from a tweak in mid-sector, and a stream from the next block after a part of one:
 * nobody means any of these by leaving it out.
 */
export function checkIv(iv: Uint8Array | undefined, cipher: NamedCipher, chained: boolean): void {
  const { name } = cipher;
  const { ivSize } = cipher.algorithm;
  if (iv === undefined) {
    if (ivSize === 0 || (chained && !isXts(cipher))) return;
    const except = isXts(cipher)
      ? ""
      : "; only an operation that continues whole blocks of the one before may go without";
    throw new TypeError(`iv for ${name}: expected ${ivSize} bytes, got none${except}`);
  }
  const size = sizeOf(iv, "iv", name);
  if (ivSize === 0) throw new RangeError(`iv for ${name}: expected none, as it has no iv; got ${size} bytes`);
  if (size !== ivSize) throw new RangeError(`iv for ${name}: expected ${ivSize} bytes, got ${size}`);
}

/** Whether a cipher is XTS, whose tweak starts anew wherever the driver divides the data. */
export function isXts({ algorithm }: NamedCipher): boolean {
  return algorithm.name === "aes-xts";
}

/** Data is worked on in parts that are multiples of this: a part of a block uses up a whole one of a key stream. */
export function granularityOf({ algorithm: { blockSize, ivSize } }: NamedCipher): number {
  return blockSize > 1 ? blockSize : Math.max(1, ivSize);
}
