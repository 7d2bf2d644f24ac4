import { Errno } from "../errno.ts";
import type { SessionCipher, SessionMac } from "../session.ts";
import type { AuthOperation } from "./operation.ts";

/** What a TLS or SRTP record is processed with. */
export interface RecordSession {
  readonly cipher: SessionCipher;
  readonly mac: SessionMac;
  /** The size of the tag, which may be less than the mac's. */
  readonly tagSize: number;
}

/** Finds what a record needs. @throws `Errno` EINVAL where the session or the operation is of another kind */
export function requireRecordSession({ session: { cipher, mac }, src, dst, tagLen }: AuthOperation): RecordSession {
  if (cipher === undefined || mac === undefined)
    throw new Errno("EINVAL", "a record needs a session with cipher and mac");
  if (src !== dst) throw new Errno("EINVAL", "a record is processed in place, and dst is not src");
  if (tagLen > mac.digestSize) throw new Errno("EINVAL", `tag_len ${tagLen} is more than the mac's ${mac.digestSize}`);
  return { cipher, mac, tagSize: tagLen === 0 ? mac.digestSize : tagLen };
}
