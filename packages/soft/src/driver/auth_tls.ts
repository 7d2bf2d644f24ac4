import { AALG_MAX_RESULT_LEN } from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { fitsTag } from "../crypto/aead.ts";
import { Errno } from "../errno.ts";
import { copyFromUser, copyToUser, noBytes } from "../user/memory.ts";
import {
  digestOf,
  type KernelAuthOp,
  type RecordSession,
  readAssociated,
  readSource,
  requirePages,
  requireReachable,
  requireRecordSession,
  requireShortAssociated,
  requireTagSize,
  sizeToPin,
} from "./auth_operation.ts";
import { inPieces, type Slices } from "./slices.ts";
import { listedPages } from "./zero_copy.ts";

/** The longest padding of a record, in bytes. */
const MAX_PADDING = 256;

/**
 * Returns how many bytes of padding a record ends with, including the byte that counts them (RFC 5246, section
 * 6.2.3.2); 0 if the padding is wrong.
 */
function paddingOf(record: Uint8Array): number {
  const count = (record.at(-1) as number) + 1;
  const isPadding =
    count <= record.length && record.subarray(record.length - count).every((byte) => byte === count - 1);
  return isPadding ? count : 0;
}

/** The header and the data of a record. */
interface RecordText {
  readonly header: Uint8Array;
  /** A copy of the data; `undefined` if it is long. */
  readonly data: Uint8Array | undefined;
  /** Returns a part of the data: of the copy, or read from the caller. */
  partOf(start: number, size: number): Uint8Array;
}

/**
 * Processes a TLS record with CBC and HMAC: the mac covers auth_src and the data, and the padding is the shortest
 * possible (RFC 5246).
 */
export function* tlsCrypt(operation: KernelAuthOp): Slices<void> {
  const { argument, memory, session, decrypt, len, src, dst, dstLen, tagLen, isLong } = operation;
  const record = requireRecordSession(operation);
  if (dst === 0) throw new Errno("EINVAL", "dst is NULL");
  requireShortAssociated(operation);
  // A copy, as in the driver, because dst may overlap it.
  const header = readAssociated(operation).slice();
  const { blockSize } = record.cipher;
  const tagSize = record.mac === undefined ? 0 : tagLen;
  const padding = decrypt || blockSize === 1 ? 0 : blockSize - ((len + tagSize) % blockSize);
  const size = decrypt ? len : len + tagSize + padding;
  requirePages(listedPages(dst, len, dst, dstLen));
  if (dstLen === 0) throw new Errno("EINVAL", "dst is empty");
  if (isLong) yield* requireReachable(operation, len, true);
  const data = isLong ? undefined : readSource(operation).slice();
  if (!memory.isWritable(dst, sizeToPin(operation, size))) {
    throw new Errno("EINVAL", `dst does not have room for ${dstLen} bytes`);
  }
  const partOf: RecordText["partOf"] = (start, count) =>
    data?.subarray(start, start + count) ?? copyFromUser(memory, src + start, count, "src");
  const text = { header, data, partOf };
  const end = decrypt ? yield* openRecord(operation, record, text) : yield* sealRecord(operation, record, text, size);
  argument.setUint32(argument.offset.len, end);
  session.usage.add(decrypt, len);
}

/** Encrypts in place. @returns the length of the record */
function* sealRecord(
  { memory, dst, len, tagLen, isLong, pace }: KernelAuthOp,
  { cipher, mac }: RecordSession,
  { header, partOf }: RecordText,
  size: number,
): Slices<number> {
  if (mac !== undefined && tagLen > AALG_MAX_RESULT_LEN) throw new Crash("tag-long");
  const digest = mac === undefined ? noBytes : yield* digestOf(mac, header, len, partOf, pace);
  const tag = digest.subarray(0, tagLen);
  const whole = isLong ? len - (len % cipher.blockSize) : 0;
  yield* inPieces(whole, pace, (start, count) => {
    copyToUser(memory, dst + start, cipher.crypt(false, partOf(start, count), start > 0), "dst");
  });
  const padding = size - len - tag.length;
  const last = new Uint8Array(size - whole).fill(padding - 1);
  last.set(partOf(whole, len - whole));
  last.set(tag, len - whole);
  copyToUser(memory, dst + whole, cipher.crypt(false, last, whole > 0), "dst");
  return size;
}

/**
 * Decrypts in place, and only then checks padding and mac.
 *
 * @returns the length of the plaintext
 */
function* openRecord(
  operation: KernelAuthOp,
  { cipher, mac }: RecordSession,
  { header, data, partOf }: RecordText,
): Slices<number> {
  const { memory, dst, len, tagLen, isLong, pace } = operation;
  const { blockSize } = cipher;
  const reached = cipher.reach(len);
  const decrypt = (start: number, count: number): void => {
    const plaintext = cipher.crypt(true, partOf(start, count), start > 0);
    copyToUser(memory, dst + start, plaintext, "dst");
    data?.set(plaintext, start);
  };
  // XTS decrypts a partial block together with the one before it.
  const lastStart = isLong ? Math.max(reached - (reached % blockSize) - blockSize, 0) : 0;
  yield* inPieces(lastStart, pace, decrypt);
  decrypt(lastStart, reached - lastStart);
  if (reached < len) throw new Errno("EINVAL", `len is ${len}, not whole blocks of ${blockSize}`);
  const padded = Math.min(reached, MAX_PADDING);
  const padding = blockSize > 1 ? paddingOf(partOf(reached - padded, padded)) : 0;
  const end = reached - padding;
  // Without a mac the driver does not report bad padding.
  if (mac === undefined) return end;
  requireTagSize(operation, end);
  const size = end - tagLen;
  const given = partOf(size, tagLen).slice();
  const isAuthentic = fitsTag(yield* digestOf(mac, header, size, partOf, pace), given);
  const isPadded = blockSize === 1 || padding > 0;
  if (!isPadded || !isAuthentic) throw new Errno("EBADMSG", "the mac or the padding does not match");
  return size;
}
