import { Errno } from "../errno.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import { copyToUser } from "../memory.ts";
import { equalTags } from "../primitives/aead.ts";
import { type AuthOperation, readAssociated, readSource } from "./operation.ts";
import { requireRecordSession } from "./record.ts";

/** How many bytes of padding a record ends with, the byte that counts them included (RFC 5246, section 6.2.3.2). */
function paddingOf(record: Uint8Array): number {
  const count = (record.at(-1) as number) + 1;
  const isPadding =
    count <= record.length && record.subarray(record.length - count).every((byte) => byte === count - 1);
  if (!isPadding) throw new Errno("EBADMSG", "the padding is wrong");
  return count;
}

/** A TLS record with CBC and HMAC: the mac covers auth_src and the data, the padding is the shortest (RFC 5246). */
export function tlsCrypt(operation: AuthOperation): void {
  const { argument, memory, session, decrypt, len, dst, ioctl } = operation;
  if (!decrypt && session.cipher === undefined && session.mac !== undefined) {
    throw new KernelCrashError("tls-without-cipher", ioctl);
  }
  const { cipher, mac, tagSize } = requireRecordSession(operation);
  const { blockSize } = cipher;
  const header = readAssociated(operation);
  const data = readSource(operation).slice();
  // Room is asked for in any case for what a record can grow by.
  if (!decrypt && !memory.isWritable(dst, len + tagSize + blockSize)) {
    throw new Errno("EINVAL", `dst has no room for ${len + tagSize + blockSize} bytes`);
  }
  const at = argument.offset;
  if (decrypt) {
    if (len % blockSize !== 0) throw new Errno("EINVAL", `len is ${len}, no multiple of ${blockSize}`);
    const record = cipher.crypt(true, data);
    copyToUser(memory, dst, record, "dst");
    const end = cipher.isStream || len === 0 ? len : len - paddingOf(record);
    if (end < tagSize) throw new Errno("EBADMSG", "the record is too short for its tag");
    const plaintext = record.subarray(0, end - tagSize);
    const expected = mac.digestOf(header, plaintext).subarray(0, tagSize);
    if (!equalTags(expected, record.subarray(end - tagSize, end))) throw new Errno("EBADMSG", "the mac does not fit");
    argument.setUint32(at.len, plaintext.length);
  } else {
    const tag = mac.digestOf(header, data).subarray(0, tagSize);
    const padding = cipher.isStream ? 0 : blockSize - ((len + tagSize) % blockSize);
    const record = new Uint8Array(len + tagSize + padding).fill(padding - 1);
    record.set(data);
    record.set(tag, len);
    copyToUser(memory, dst, cipher.crypt(false, record), "dst");
    argument.setUint32(at.len, record.length);
  }
  argument.setUint32(at.tag_len, tagSize);
  session.usage.add(decrypt, len);
}
