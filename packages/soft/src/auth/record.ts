import { AALG_MAX_RESULT_LEN } from "@cryptodev/core";
import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import type { SessionCipher, SessionMac } from "../session.ts";
import type { AuthOperation } from "./operation.ts";

/** What a TLS or SRTP record is processed with. */
export interface RecordSession {
  readonly cipher: SessionCipher;
  /** Without one, nothing is checked, and the tag has no bytes. */
  readonly mac: SessionMac | undefined;
  /** The size of the tag, which may be less than the mac's. */
  readonly tagSize: number;
}

/** Finds what a record needs. @throws `Errno` EINVAL where the session or the operation is of another kind */
export function requireRecordSession(operation: AuthOperation): RecordSession {
  const { session, tagLen, decrypt, ioctl } = operation;
  const { cipher, mac } = session;
  if (cipher === undefined) throw new Errno("EINVAL", "a record needs a session with a cipher");
  if (mac === undefined) return { cipher, mac, tagSize: 0 };
  if (tagLen > AALG_MAX_RESULT_LEN) throw new Errno("EINVAL", `tag_len ${tagLen} is more than ${AALG_MAX_RESULT_LEN}`);
  if (tagLen > mac.digestSize && !decrypt) throw new KernelCrashError("tag-long", ioctl);
  return { cipher, mac, tagSize: tagLen === 0 ? mac.digestSize : tagLen };
}
