import { AALG_MAX_RESULT_LEN } from "@cryptodev/core";
import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import type { SessionCipher, SessionMac } from "../session.ts";
import type { AuthOperation } from "./operation.ts";

/** What a TLS or SRTP record is processed with. */
export interface RecordSession {
  readonly cipher: SessionCipher;
  /** Without one, nothing is checked, and the tag has no bytes, whatever tag_len is. */
  readonly mac: SessionMac | undefined;
}

/** Finds what a record needs. @throws `Errno` EINVAL if the session is of another kind */
export function requireRecordSession({ session, tagLen, decrypt, ioctl }: AuthOperation): RecordSession {
  const { cipher, mac } = session;
  if (cipher === undefined) throw new Errno("EINVAL", "a record needs a session with a cipher");
  const isLong = mac !== undefined && tagLen > mac.digestSize;
  // What is longer than the driver's own buffer too ends in another way for each kind of record.
  if (isLong && !decrypt && tagLen <= AALG_MAX_RESULT_LEN) throw new KernelCrashError("tag-long", ioctl);
  return { cipher, mac };
}

/** Refuses a tag for which a record is too short. @throws `Errno` EINVAL */
export function requireTagSize({ tagLen }: AuthOperation, size: number): void {
  if (tagLen <= AALG_MAX_RESULT_LEN && tagLen <= size) return;
  throw new Errno("EINVAL", `tag_len is ${tagLen}, expected at most ${Math.min(size, AALG_MAX_RESULT_LEN)}`);
}
