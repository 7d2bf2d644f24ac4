import { COP_DECRYPT, COP_FLAG_AEAD_SRTP_TYPE, COP_FLAG_AEAD_TLS_TYPE, type crypt_auth_op } from "@cryptodev/core";
import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import { copyFromUser, type Memory, nothing } from "../memory.ts";
import { MOST_PAGES, PAGE } from "../pages.ts";
import type { Session } from "../session.ts";
import type { UserStruct } from "../user_struct.ts";

/** The members of a `crypt_auth_op`, read once. */
export interface AuthOperation {
  readonly argument: UserStruct<typeof crypt_auth_op>;
  readonly memory: Memory;
  readonly session: Session;
  readonly ioctl: string;
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
}

/** @throws {Errno} with `EINVAL` if the flags announce a record and dst is not src */
export function readAuthOperation(
  argument: UserStruct<typeof crypt_auth_op>,
  memory: Memory,
  session: Session,
  ioctl: string,
): AuthOperation {
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
  return {
    argument,
    memory,
    session,
    ioctl,
    decrypt,
    isSrtp,
    isTls,
    len,
    authLen: argument.getUint32(at.auth_len),
    authSrc: argument.getPointer(at.auth_src),
    src,
    dst,
    // In 32 bits, as the driver counts.
    dstLen: decrypt ? len : sealedSize(session, (len + tagLen) >>> 0, isTls, ioctl),
    tag: argument.getPointer(at.tag),
    tagLen,
  };
}

/**
 * Returns the size of data and tag. The driver pads it for TLS, by one byte even if a block is one byte, before it
 * checks op.
 */
function sealedSize({ cipher, aead }: Session, size: number, isPadded: boolean, ioctl: string): number {
  if (!isPadded) return size;
  const driver = (cipher ?? aead)?.driver;
  if (driver === undefined) throw new KernelCrashError("tls-without-cipher", ioctl);
  const { blockSize } = driver.algorithm;
  return size + blockSize - (size % blockSize);
}

/** The driver copies associated data into one page. */
const MOST_AUTH = 4096;

/**
 * Checks the length of the associated data of an AEAD or of a TLS record.
 *
 * @throws {Errno} with `EINVAL` if it is longer than a page
 */
export function requireShortAssociated({ authLen }: AuthOperation): void {
  if (authLen > MOST_AUTH) throw new Errno("EINVAL", `auth_len is ${authLen}, expected at most ${MOST_AUTH}`);
}

/**
 * Reads the associated data of an AEAD or of a TLS record.
 *
 * @throws {KernelCrashError} if it has bytes and its pointer is NULL
 * @throws {Errno} with `EFAULT` if it cannot be read
 */
export function readAssociated({ memory, authSrc, authLen, ioctl }: AuthOperation): Uint8Array {
  if (authLen > 0 && authSrc === 0) throw new KernelCrashError("auth-null", ioctl);
  return copyFromUser(memory, authSrc, authLen, "auth_src");
}

/**
 * Reads the data.
 *
 * @throws {KernelCrashError} if it has bytes and its pointer is NULL
 * @throws {Errno} with `EINVAL` if it cannot be read: these modes do not report EFAULT
 */
export function readSource({ memory, src, len, ioctl }: AuthOperation): Uint8Array {
  if (len > 0 && src === 0) throw new KernelCrashError("src-null", ioctl);
  const data = len === 0 ? nothing : memory.read(src, len);
  if (data === undefined) throw new Errno("EINVAL", `src: ${len} bytes at ${src} cannot be read`);
  return data;
}

/**
 * Checks that the driver can list this number of pages.
 *
 * @throws {Errno} with `ENOMEM` if it cannot, however much memory is free
 */
export function requirePages(count: number): void {
  if (count > MOST_PAGES) throw new Errno("ENOMEM", `${count} pages are more than the driver can list, ${MOST_PAGES}`);
}

/**
 * Returns how much of dst has to be writable so that the driver gets the pages of all `dstLen` bytes, of which it
 * writes at most `used`. Memory may end where a view does: bytes that only share a page with those that are written
 * count as mapped.
 */
export function sizeToPin({ dst, dstLen }: AuthOperation, used: number): number {
  const pageEnd = Math.ceil((dst + used) / PAGE) * PAGE;
  return dst + dstLen <= pageEnd ? Math.min(used, dstLen) : dstLen;
}
