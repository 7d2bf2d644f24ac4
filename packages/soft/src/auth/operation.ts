import { COP_DECRYPT, type crypt_auth_op } from "@cryptodev/core";
import { canListPages } from "../crypt.ts";
import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import { copyFromUser, type Memory, nothing } from "../memory.ts";
import type { Session } from "../session.ts";
import type { UserStruct } from "../user_struct.ts";

/** The members of a `crypt_auth_op`, read once. */
export interface AuthOperation {
  readonly argument: UserStruct<typeof crypt_auth_op>;
  readonly memory: Memory;
  readonly session: Session;
  readonly ioctl: string;
  readonly decrypt: boolean;
  readonly len: number;
  readonly authLen: number;
  readonly authSrc: number;
  readonly src: number;
  readonly dst: number;
  readonly tag: number;
  readonly tagLen: number;
}

export function readAuthOperation(
  argument: UserStruct<typeof crypt_auth_op>,
  memory: Memory,
  session: Session,
  ioctl: string,
): AuthOperation {
  const at = argument.offset;
  return {
    argument,
    memory,
    session,
    ioctl,
    decrypt: argument.getUint16(at.op) === COP_DECRYPT,
    len: argument.getUint32(at.len),
    authLen: argument.getUint32(at.auth_len),
    authSrc: argument.getPointer(at.auth_src),
    src: argument.getPointer(at.src),
    dst: argument.getPointer(at.dst),
    tag: argument.getPointer(at.tag),
    tagLen: argument.getUint32(at.tag_len),
  };
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

/** Reads the data, which these modes answer with EINVAL where it is not there. */
export function readSource({ memory, src, dst, len, ioctl }: AuthOperation): Uint8Array {
  if (len > 0 && src === 0) throw new KernelCrashError("src-null", ioctl);
  if (len > 0 && !canListPages(src, dst, len))
    throw new Errno("ENOMEM", `len is ${len}, more pages than can be listed`);
  const data = len === 0 ? nothing : memory.read(src, len);
  if (data === undefined) throw new Errno("EINVAL", `src: ${len} bytes at ${src} cannot be read`);
  return data;
}
