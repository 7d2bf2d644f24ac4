import { AALG_MAX_RESULT_LEN } from "@cryptodev/core";
import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import type { SessionCipher, SessionMac } from "../session.ts";
import type { AuthOperation } from "./operation.ts";

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
 * @throws {KernelCrashError} if the tag is longer than the mac when encrypting
 */
export function requireRecordSession({ session, tagLen, decrypt, ioctl }: AuthOperation): RecordSession {
  const { cipher, mac } = session;
  if (cipher === undefined) throw new Errno("EINVAL", "a record requires a session with a cipher");
  const isLong = mac !== undefined && tagLen > mac.digestSize;
  // A tag that is also longer than the driver's own buffer fails differently for each kind of record.
  if (isLong && !decrypt && tagLen <= AALG_MAX_RESULT_LEN) throw new KernelCrashError("tag-long", ioctl);
  return { cipher, mac };
}

/**
 * Checks that a record is long enough for its tag.
 *
 * @throws {Errno} with `EINVAL` if it is not
 */
export function requireTagSize({ tagLen }: AuthOperation, size: number): void {
  if (tagLen <= AALG_MAX_RESULT_LEN && tagLen <= size) return;
  throw new Errno("EINVAL", `tag_len is ${tagLen}, expected at most ${Math.min(size, AALG_MAX_RESULT_LEN)}`);
}
