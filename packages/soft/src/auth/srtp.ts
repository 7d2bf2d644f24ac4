import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import { copyFromUser, copyToUser } from "../memory.ts";
import { fitsTag } from "../primitives/aead.ts";
import { type AuthOperation, readSource } from "./operation.ts";
import { requireRecordSession } from "./record.ts";

/** The header of a packet that the mac covers and the cipher does not. */
const MOST_HEADER = 256;

/** An SRTP packet: the data inside auth_src is encrypted, then the mac covers all of auth_src (RFC 3711, section 3.3). */
export function srtpCrypt(operation: AuthOperation): void {
  const { argument, memory, session, decrypt, len, authSrc, authLen, src, dst, tag, ioctl } = operation;
  const { cipher, mac, tagSize } = requireRecordSession(operation);
  if (!cipher.isStream) throw new Errno("EINVAL", "SRTP needs a stream cipher");
  const header = src - authSrc;
  if (header < 0 || header > MOST_HEADER) {
    throw new Errno("EINVAL", `src is ${header} bytes after auth_src, expected 0 to ${MOST_HEADER}`);
  }
  if (header + len > authLen) throw new KernelCrashError("auth-short", ioctl);
  const data = readSource(operation);
  const packet = memory.read(authSrc, authLen);
  if (packet === undefined || (len > 0 && !memory.isWritable(dst, len))) {
    throw new Errno("EINVAL", `auth_src: ${authLen} bytes at ${authSrc} cannot be reached`);
  }
  if (decrypt) {
    if (tagSize > len) throw new Errno("EINVAL", `len is ${len}, less than the tag's ${tagSize}`);
    const given = copyFromUser(memory, tag, tagSize, "tag");
    if (mac !== undefined && !fitsTag(mac.digestOf(packet), given)) throw new Errno("EBADMSG", "the mac does not fit");
    copyToUser(memory, dst, cipher.crypt(true, data), "dst");
  } else {
    const ciphertext = cipher.crypt(false, data);
    copyToUser(memory, dst, ciphertext, "dst");
    const digest = mac?.digestOf(packet.subarray(0, header), ciphertext, packet.subarray(header + len));
    if (digest !== undefined) copyToUser(memory, tag, digest.subarray(0, tagSize), "tag");
  }
  argument.setUint32(argument.offset.tag_len, tagSize);
  session.usage.add(decrypt, len);
}
