import {
  AALG_MAX_RESULT_LEN,
  COP_DECRYPT,
  COP_FLAG_AEAD_SRTP_TYPE,
  COP_FLAG_AEAD_TLS_TYPE,
  type crypt_auth_op,
} from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { Errno } from "../errno.ts";
import { copyFromUser, type Memory, noBytes } from "../user/memory.ts";
import type { UserStruct } from "../user/user_struct.ts";
import type { DriverSession, SessionCipher, SessionMac } from "./session.ts";
import { areReachable, inPieces, type Pace, type Slices, shortSize } from "./slices.ts";
import { MAX_PAGES, PAGE } from "./zero_copy.ts";

/** The members of a `crypt_auth_op`, read once: the driver's `kernel_crypt_auth_op`. */
export interface KernelAuthOp {
  readonly argument: UserStruct<typeof crypt_auth_op>;
  readonly memory: Memory;
  readonly session: DriverSession;
  readonly decrypt: boolean;
  readonly isSrtp: boolean;
  readonly isTls: boolean;
  readonly len: number;
  readonly authLen: number;
  readonly authSrc: number;
  readonly src: number;
  readonly dst: number;
  /** The bytes of dst whose pages the driver gets before it starts. */
  readonly dstLen: number;
  readonly tag: number;
  /** The given size, or the session's if that is 0. */
  readonly tagLen: number;
  /** The iv that the caller passed; `undefined` if the operation uses the session's own. */
  readonly iv: Uint8Array | undefined;
  /** Whether there is more data than is processed at once. */
  readonly isLong: boolean;
  /** The size of the pieces of long data; if it is `undefined`, the operation does not pause. */
  readonly pace: Pace | undefined;
}

/**
 * @throws {Errno} with `EINVAL` if the flags announce a record and dst is not src
 * @throws {Errno} with `EFAULT` if the iv cannot be read
 * @throws {Crash} if the flags announce a TLS record, and the session does not have a cipher
 */
export function readAuthOp(
  argument: UserStruct<typeof crypt_auth_op>,
  memory: Memory,
  session: DriverSession,
  pace: Pace | undefined,
): KernelAuthOp {
  const at = argument.offset;
  const flags = argument.getUint16(at.flags);
  const isSrtp = (flags & COP_FLAG_AEAD_SRTP_TYPE) !== 0;
  const isTls = (flags & COP_FLAG_AEAD_TLS_TYPE) !== 0;
  const [src, dst] = [argument.getPointer(at.src), argument.getPointer(at.dst)];
  if ((isSrtp || isTls) && src !== dst) throw new Errno("EINVAL", "a record is processed in place, but dst is not src");
  const decrypt = argument.getUint16(at.op) === COP_DECRYPT;
  const len = argument.getUint32(at.len);
  const tagLen = argument.getUint32(at.tag_len) || (session.mac?.digestSize ?? session.aead?.tagSize ?? 0);
  // The caller sees this only if the operation succeeds.
  argument.setUint32(at.tag_len, tagLen);
  // In 32 bits, as the driver counts.
  const dstLen = decrypt ? len : sealedSize(session, (len + tagLen) >>> 0, isTls);
  const [authSrc, authLen] = [argument.getPointer(at.auth_src), argument.getUint32(at.auth_len)];
  // The driver ignores iv_len, and reads as many bytes as the cipher's iv has.
  const ivAddress = argument.getPointer(at.iv);
  const cipher = ivAddress === 0 ? undefined : (session.cipher ?? session.aead);
  const ivLength = cipher?.iv.length ?? 0;
  const isLong = len + authLen > shortSize(pace);
  if (!isLong) {
    memory.prefetch?.([
      { address: ivAddress, length: ivLength },
      { address: src, length: len },
      { address: authSrc, length: authLen },
    ]);
  }
  const iv = cipher === undefined ? undefined : copyFromUser(memory, ivAddress, ivLength, "iv");
  return {
    argument,
    memory,
    session,
    decrypt,
    isSrtp,
    isTls,
    len,
    authLen,
    authSrc,
    src,
    dst,
    dstLen,
    tag: argument.getPointer(at.tag),
    tagLen,
    iv,
    isLong,
    pace,
  };
}

/**
 * Returns the size of data and tag. The driver pads it for TLS, by one byte even if a block is one byte, before it
 * checks op.
 */
function sealedSize({ cipherAlgorithm }: DriverSession, size: number, isPadded: boolean): number {
  if (!isPadded) return size;
  if (cipherAlgorithm === undefined) throw new Crash("tls-without-cipher");
  const { blockSize } = cipherAlgorithm;
  return size + blockSize - (size % blockSize);
}

/** The driver copies associated data into one page. */
const MAX_AUTH = 4096;

/**
 * Checks the length of the associated data of an AEAD or of a TLS record.
 *
 * @throws {Errno} with `EINVAL` if it is longer than a page
 */
export function requireShortAssociated({ authLen }: KernelAuthOp): void {
  if (authLen > MAX_AUTH) throw new Errno("EINVAL", `auth_len is ${authLen}, expected at most ${MAX_AUTH}`);
}

/**
 * Reads the associated data of an AEAD or of a TLS record.
 *
 * @throws {Crash} if it has bytes and its pointer is NULL
 * @throws {Errno} with `EFAULT` if it cannot be read
 */
export function readAssociated({ memory, authSrc, authLen }: KernelAuthOp): Uint8Array {
  if (authLen > 0 && authSrc === 0) throw new Crash("auth-null");
  return copyFromUser(memory, authSrc, authLen, "auth_src");
}

/**
 * Reads the data.
 *
 * @throws {Crash} if it has bytes and its pointer is NULL
 * @throws {Errno} with `EINVAL` if it cannot be read: these modes do not report EFAULT
 */
export function readSource({ memory, src, len }: KernelAuthOp): Uint8Array {
  if (len > 0 && src === 0) throw new Crash("src-null");
  const source = len === 0 ? noBytes : memory.read(src, len);
  if (source === undefined) throw new Errno("EINVAL", `src: ${len} bytes at ${src} cannot be read`);
  return source;
}

/**
 * Checks long data, which is read later, piece by piece.
 *
 * @param isInPlace - whether it also has to be writable
 * @throws {Crash} if its pointer is NULL
 * @throws {Errno} with `EINVAL` if it cannot be read, or written in place
 */
export function* requireReachable({ memory, src }: KernelAuthOp, size: number, isInPlace: boolean): Slices<void> {
  if (size > 0 && src === 0) throw new Crash("src-null");
  if (yield* areReachable(memory, src, size, isInPlace)) return;
  throw new Errno("EINVAL", `src: ${size} bytes at ${src} cannot be read${isInPlace ? " and written" : ""}`);
}

/**
 * Checks that the driver can list this number of pages.
 *
 * @throws {Errno} with `ENOMEM` if it cannot, however much memory is free
 */
export function requirePages(count: number): void {
  if (count > MAX_PAGES) throw new Errno("ENOMEM", `${count} pages are more than the driver can list, ${MAX_PAGES}`);
}

/**
 * Returns how much of dst has to be writable so that the driver gets the pages of all `dstLen` bytes, of which it
 * writes at most `used`. Memory may end where a view does: bytes that only share a page with those that are written
 * count as mapped.
 */
export function sizeToPin({ dst, dstLen }: KernelAuthOp, used: number): number {
  const pageEnd = Math.ceil((dst + used) / PAGE) * PAGE;
  return dst + dstLen <= pageEnd ? Math.min(used, dstLen) : dstLen;
}

/** What a session provides to process a TLS or SRTP record. */
export interface RecordSession {
  readonly cipher: SessionCipher;
  /** If it is missing, nothing is checked, and the tag has no bytes, whatever tag_len is. */
  readonly mac: SessionMac | undefined;
}

/**
 * Returns what a record needs from a session.
 *
 * @throws {Errno} with `EINVAL` if the session does not have a cipher
 * @throws {Crash} if the tag is longer than the mac when encrypting
 */
export function requireRecordSession({ session, tagLen, decrypt }: KernelAuthOp): RecordSession {
  const { cipher, mac } = session;
  if (cipher === undefined) throw new Errno("EINVAL", "a record requires a session with a cipher");
  const isLong = mac !== undefined && tagLen > mac.digestSize;
  // A tag that is also longer than the driver's own buffer fails differently for each kind of record.
  if (isLong && !decrypt && tagLen <= AALG_MAX_RESULT_LEN) throw new Crash("tag-long");
  return { cipher, mac };
}

/**
 * Checks that a record is long enough for its tag.
 *
 * @throws {Errno} with `EINVAL` if it is not
 */
export function requireTagSize({ tagLen }: KernelAuthOp, size: number): void {
  if (tagLen <= AALG_MAX_RESULT_LEN && tagLen <= size) return;
  throw new Errno("EINVAL", `tag_len is ${tagLen}, expected at most ${Math.min(size, AALG_MAX_RESULT_LEN)}`);
}

/**
 * Returns the mac of a header and of data.
 *
 * @param partOf - returns a part of the data
 */
export function* digestOf(
  mac: SessionMac,
  header: Uint8Array,
  size: number,
  partOf: (start: number, size: number) => Uint8Array,
  pace: Pace | undefined,
): Slices<Uint8Array> {
  mac.reset();
  mac.update(header);
  yield* inPieces(size, pace, (start, count) => mac.update(partOf(start, count)));
  return mac.digest();
}
