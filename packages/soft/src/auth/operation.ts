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
  /** The bytes of dst whose pages the driver fetches before it starts. */
  readonly dstLen: number;
  readonly tag: number;
  /** As given, or the session's if that was 0. */
  readonly tagLen: number;
}

/** @throws `Errno` EINVAL if a record is not to be processed in place, which the flags alone decide */
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
  if ((isSrtp || isTls) && src !== dst) throw new Errno("EINVAL", "a record is processed in place, and dst is not src");
  const decrypt = argument.getUint16(at.op) === COP_DECRYPT;
  const len = argument.getUint32(at.len);
  const tagLen = argument.getUint32(at.tag_len) || (session.mac?.digestSize ?? session.aead?.tagSize ?? 0);
  // The caller sees it only if the operation succeeds.
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

/** The size of data and tag, padded for TLS: by a byte even if a block is one byte, and before anything checks op. */
function sealedSize({ cipher, aead }: Session, size: number, isPadded: boolean, ioctl: string): number {
  if (!isPadded) return size;
  const driver = (cipher ?? aead)?.driver;
  if (driver === undefined) throw new KernelCrashError("tls-without-cipher", ioctl);
  const { blockSize } = driver.algorithm;
  return size + blockSize - (size % blockSize);
}

/** Associated data is copied into one page of the driver's. */
const MOST_AUTH = 4096;

/** Refuses more associated data than an AEAD or a TLS record can have. */
export function requireShortAssociated({ authLen }: AuthOperation): void {
  if (authLen > MOST_AUTH) throw new Errno("EINVAL", `auth_len is ${authLen}, more than ${MOST_AUTH}`);
}

/** Reads the associated data of an AEAD or of a TLS record. */
export function readAssociated({ memory, authSrc, authLen, ioctl }: AuthOperation): Uint8Array {
  if (authLen > 0 && authSrc === 0) throw new KernelCrashError("auth-null", ioctl);
  return copyFromUser(memory, authSrc, authLen, "auth_src");
}

/** Reads the data, which these modes answer with EINVAL if it cannot be read. */
export function readSource({ memory, src, len, ioctl }: AuthOperation): Uint8Array {
  if (len > 0 && src === 0) throw new KernelCrashError("src-null", ioctl);
  const data = len === 0 ? nothing : memory.read(src, len);
  if (data === undefined) throw new Errno("EINVAL", `src: ${len} bytes at ${src} cannot be read`);
  return data;
}

/** Refuses more pages than the driver can list. @throws `Errno` ENOMEM, however much memory there is */
export function requirePages(count: number): void {
  if (count > MOST_PAGES) throw new Errno("ENOMEM", `${count} pages are more than the driver can list, ${MOST_PAGES}`);
}

/**
 * How much of dst has to be writable so that the driver gets the pages of all `dstLen` bytes, of which it writes no more than
 * `used`. Memory may end where a view does: what only shares a page with the bytes that are written counts as there.
 */
export function sizeToPin({ dst, dstLen }: AuthOperation, used: number): number {
  const pageEnd = Math.ceil((dst + used) / PAGE) * PAGE;
  return dst + dstLen <= pageEnd ? Math.min(used, dstLen) : dstLen;
}
