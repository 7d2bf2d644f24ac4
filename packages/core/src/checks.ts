import { CRYPTO_HMAC_MAX_KEY_LEN } from "./abi/constants.ts";
import type { MacAlgorithm } from "./abi/macs.ts";
import type { NamedCipher } from "./algorithms.ts";
import { overlap, sizeOf, startsWith } from "./bytes.ts";

/*
 * The sizes that the device asks for, checked before it is asked: many of these mistakes crash a kernel, which looks at
 * no pointer before it writes. Kinds are TypeErrors, sizes RangeErrors.
 */

/** The driver keeps lengths in an `int` on some of its ways. */
const longest = 2 ** 31 - 1;

function sizesInWords(sizes: NamedCipher["keySizes"]): string {
  if ("min" in sizes) return `${sizes.min} to ${sizes.max} bytes`;
  const last = sizes.at(-1);
  const words = sizes.length < 2 ? `${last}` : `${sizes.slice(0, -1).join(", ")} or ${last}`;
  return `${words} bytes`;
}

export function checkKey(key: Uint8Array, { name, keySizes }: NamedCipher): void {
  const size = sizeOf(key, `key for ${name}`);
  const fits = "min" in keySizes ? size >= keySizes.min && size <= keySizes.max : keySizes.includes(size);
  if (!fits) throw new RangeError(`key for ${name}: expected ${sizesInWords(keySizes)}, got ${size}`);
}

export function checkMacKey(key: Uint8Array, { name }: MacAlgorithm): void {
  const size = sizeOf(key, `key for ${name}`);
  if (size > CRYPTO_HMAC_MAX_KEY_LEN) {
    throw new RangeError(`key for ${name}: expected at most ${CRYPTO_HMAC_MAX_KEY_LEN} bytes, got ${size}`);
  }
}

/** Refuses a key for a mac that has none, and a missing one for a mac that needs it. */
export function checkOptionalMacKey(key: Uint8Array | undefined, mac: MacAlgorithm): void {
  if (key === undefined && !mac.keyed) return;
  if (key !== undefined && !mac.keyed)
    throw new TypeError(`key for ${mac.name}: expected none; hmac-${mac.hash} has one`);
  checkMacKey(key as Uint8Array, mac);
}

/** @returns the size of data that has to go in one operation */
export function checkData(data: Uint8Array, what: string): number {
  const size = sizeOf(data, what);
  if (size > longest) throw new RangeError(`${what}: expected at most ${longest} bytes in one operation, got ${size}`);
  return size;
}

/** Refuses to go on from one operation to the next where that is not the same as one operation over both. */
export function requireChunks({ name, algorithm }: NamedCipher, what: string): void {
  if (algorithm.name !== "aes-xts") return;
  throw new RangeError(`source for ${name}: ${what} cannot be worked on in parts, as each sector has an iv of its own`);
}

/** @returns the size of data that is whole blocks */
export function checkSource(source: Uint8Array, { name, algorithm }: NamedCipher): number {
  const size = sizeOf(source, `source for ${name}`);
  if (size % algorithm.blockSize !== 0) {
    throw new RangeError(`source for ${name}: expected a multiple of ${algorithm.blockSize} bytes, got ${size}`);
  }
  return size;
}

/** A destination has room for the whole result and is the source itself or apart from it: the kernel checks neither. */
export function checkDestination(
  destination: Uint8Array,
  source: Uint8Array,
  size: number,
  { name }: NamedCipher,
): void {
  checkRoom(destination, size, `destination for ${name}`);
  checkInPlaceOrApart(source, size, destination, size, name);
}

/** A destination starts where the source does, or they share no memory: in between, what comes out is undefined. */
export function checkInPlaceOrApart(
  source: Uint8Array,
  sourceSize: number,
  destination: Uint8Array,
  destinationSize: number,
  name: string,
): void {
  if (source === destination || startsWith(source, destination)) return;
  if (overlap(source, sourceSize, destination, destinationSize)) {
    throw new RangeError(`destination for ${name}: expected the source itself or memory apart from it, got an overlap`);
  }
}

/** The driver copies associated data into one page. */
const longestAad = 4096;

/** @returns the size of associated data; none is as good as an empty one */
export function checkAad(aad: Uint8Array | undefined, name: string): number {
  if (aad === undefined) return 0;
  const size = sizeOf(aad, `aad for ${name}`);
  if (size > longestAad) throw new RangeError(`aad for ${name}: expected at most ${longestAad} bytes, got ${size}`);
  return size;
}

/** A tag size that the algorithm has: the kernel crashes over any other. */
export function checkTagSize(size: number, name: string, sizes: readonly number[]): void {
  if (!sizes.includes(size)) throw new RangeError(`tag size for ${name}: expected ${sizesInWords(sizes)}, got ${size}`);
}

/** Refuses memory that is read or written for two things at once. */
export function checkApart(one: Uint8Array, oneSize: number, other: Uint8Array, otherSize: number, what: string): void {
  if (overlap(one, oneSize, other, otherSize))
    throw new RangeError(`${what}: expected memory apart from the destination`);
}

/** Memory for a result of `size` bytes. */
export function checkRoom(destination: Uint8Array, size: number, what: string): void {
  const room = sizeOf(destination, what);
  if (room < size) throw new RangeError(`${what}: expected at least ${size} bytes, got ${room}`);
}

/**
 * An iv is given, or left out to go on from where the session's last operation ended. The kernel would start a fresh
 * session from an iv of zeros, and XTS from a tweak in mid-sector: nobody means either by leaving it out.
 */
export function checkIv(iv: Uint8Array | undefined, { name, algorithm }: NamedCipher, chained: boolean): void {
  const what = `iv for ${name}`;
  const { ivSize } = algorithm;
  if (iv === undefined) {
    if (ivSize === 0 || (chained && algorithm.name !== "aes-xts")) return;
    const except =
      algorithm.name === "aes-xts" ? "" : "; only an operation that continues the one before may go without";
    throw new TypeError(`${what}: expected ${ivSize} bytes, got none${except}`);
  }
  const size = sizeOf(iv, what);
  if (ivSize === 0) throw new RangeError(`${what}: expected none, as it has no iv; got ${size} bytes`);
  if (size !== ivSize) throw new RangeError(`${what}: expected ${ivSize} bytes, got ${size}`);
}
