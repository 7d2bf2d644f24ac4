import { AALG_MAX_RESULT_LEN } from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { fitsTag } from "../crypto/aead.ts";
import { Errno } from "../errno.ts";
import { copyFromUser, copyToUser } from "../user/memory.ts";
import { type KernelAuthOp, readSource, requirePages, requireRecordSession, requireTagSize } from "./auth_operation.ts";
import { pageCount } from "./zero_copy.ts";

/** The maximum size of a packet's header, which the mac covers and the cipher does not. */
const MAX_HEADER = 256;

/**
 * Processes an SRTP packet: encrypts the data inside auth_src, then computes the mac of all of auth_src (RFC 3711,
 * section 3.3).
 */
export function srtpCrypt(operation: KernelAuthOp): void {
  const { memory, session, decrypt, len, authSrc, authLen, src, dst, dstLen, tag, tagLen } = operation;
  const { cipher, mac } = requireRecordSession(operation);
  if (!cipher.isStream) throw new Errno("EINVAL", "SRTP requires a stream cipher");
  const header = src - authSrc;
  if (header < 0 || header > MAX_HEADER) {
    throw new Errno("EINVAL", `src is ${header} bytes after auth_src, expected 0 to ${MAX_HEADER}`);
  }
  if (header + len > authLen) throw new Crash("auth-short");
  if (dstLen === 0 || header === authLen) throw new Errno("EINVAL", "nothing to encrypt, or nothing after the header");
  // The driver lists the pages of the data a second time.
  requirePages(2 * pageCount(authSrc, authLen));
  const data = readSource(operation);
  const packet = memory.read(authSrc, authLen);
  if (packet === undefined || !memory.isWritable(authSrc, authLen)) {
    throw new Errno("EINVAL", `auth_src: ${authLen} bytes at ${authSrc} cannot be read and written`);
  }
  if (decrypt) {
    if (mac !== undefined) {
      requireTagSize(operation, len);
      const given = copyFromUser(memory, tag, tagLen, "tag");
      if (!fitsTag(mac.digestOf(packet), given)) throw new Errno("EBADMSG", "the mac does not match");
    }
    copyToUser(memory, dst, cipher.crypt(true, data), "dst");
  } else {
    const ciphertext = cipher.crypt(false, data);
    copyToUser(memory, dst, ciphertext, "dst");
    const digest = mac?.digestOf(packet.subarray(0, header), ciphertext, packet.subarray(header + len));
    // The kernel knows the size of the buffer that the tag is copied from, and refuses to read past its end.
    if (digest !== undefined && tagLen > AALG_MAX_RESULT_LEN)
      throw new Errno("EFAULT", `tag_len is ${tagLen}, expected at most ${AALG_MAX_RESULT_LEN}`);
    if (digest !== undefined) copyToUser(memory, tag, digest.subarray(0, tagLen), "tag");
  }
  session.usage.add(decrypt, len);
}
