import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import { copyToUser } from "../memory.ts";
import { fitsTag } from "../primitives/aead.ts";
import { type AuthOperation, readAssociated, readSource, requireShortAssociated } from "./operation.ts";
import { requireRecordSession } from "./record.ts";

/** How many bytes of padding a record ends with, the byte that counts them included (RFC 5246, section 6.2.3.2); 0 if wrong. */
function paddingOf(record: Uint8Array): number {
  const count = (record.at(-1) as number) + 1;
  const isPadding =
    count <= record.length && record.subarray(record.length - count).every((byte) => byte === count - 1);
  return isPadding ? count : 0;
}

/** A TLS record with CBC and HMAC: the mac covers auth_src and the data, the padding is the shortest (RFC 5246). */
export function tlsCrypt(operation: AuthOperation): void {
  const { argument, memory, session, decrypt, len, dst, ioctl } = operation;
  if (!decrypt && session.cipher === undefined && session.mac !== undefined) {
    throw new KernelCrashError("tls-without-cipher", ioctl);
  }
  const { cipher, mac, tagSize } = requireRecordSession(operation);
  const { blockSize } = cipher;
  if (dst === 0) throw new Errno("EINVAL", "dst is NULL");
  requireShortAssociated(operation);
  // A copy, which it is in the driver too: dst may be over it.
  const header = readAssociated(operation).slice();
  const data = readSource(operation).slice();
  const at = argument.offset;
  if (decrypt) {
    if (len === 0 || len % blockSize !== 0)
      throw new Errno("EINVAL", `len is ${len}, not whole blocks of ${blockSize}`);
    const record = cipher.crypt(true, data);
    copyToUser(memory, dst, record, "dst");
    const padding = blockSize > 1 ? paddingOf(record) : 0;
    const end = len - padding;
    if (end < tagSize) throw new Errno("EINVAL", `len is ${len}, too short for a tag of ${tagSize}`);
    const plaintext = record.subarray(0, end - tagSize);
    const isPadded = blockSize === 1 || padding > 0;
    const isAuthentic =
      mac === undefined || fitsTag(mac.digestOf(header, plaintext), record.subarray(end - tagSize, end));
    if (!isPadded || !isAuthentic) throw new Errno("EBADMSG", "the mac or the padding does not fit");
    argument.setUint32(at.len, plaintext.length);
  } else {
    const padding = blockSize > 1 ? blockSize - ((len + tagSize) % blockSize) : 0;
    const record = new Uint8Array(len + tagSize + padding).fill(padding - 1);
    if (!memory.isWritable(dst, record.length)) throw new Errno("EINVAL", `dst has no room for ${record.length} bytes`);
    record.set(data);
    if (mac !== undefined) record.set(mac.digestOf(header, data).subarray(0, tagSize), len);
    copyToUser(memory, dst, cipher.crypt(false, record), "dst");
    argument.setUint32(at.len, record.length);
  }
  argument.setUint32(at.tag_len, tagSize);
  session.usage.add(decrypt, len);
}
