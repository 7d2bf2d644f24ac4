import { AALG_MAX_RESULT_LEN } from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { fitsTag } from "../crypto/aead.ts";
import { Errno } from "../errno.ts";
import { copyToUser } from "../user/memory.ts";
import {
  type KernelAuthOp,
  type RecordSession,
  readAssociated,
  readSource,
  requirePages,
  requireRecordSession,
  requireShortAssociated,
  requireTagSize,
  sizeToPin,
} from "./auth_operation.ts";
import { listedPages } from "./zero_copy.ts";

/**
 * Returns how many bytes of padding a record ends with, including the byte that counts them (RFC 5246, section
 * 6.2.3.2); 0 if the padding is wrong.
 */
function paddingOf(record: Uint8Array): number {
  const count = (record.at(-1) as number) + 1;
  const isPadding =
    count <= record.length && record.subarray(record.length - count).every((byte) => byte === count - 1);
  return isPadding ? count : 0;
}

/**
 * Processes a TLS record with CBC and HMAC: the mac covers auth_src and the data, and the padding is the shortest
 * possible (RFC 5246).
 */
export function tlsCrypt(operation: KernelAuthOp): void {
  const { argument, memory, session, decrypt, len, dst, dstLen, tagLen } = operation;
  const record = requireRecordSession(operation);
  const { cipher, mac } = record;
  if (dst === 0) throw new Errno("EINVAL", "dst is NULL");
  requireShortAssociated(operation);
  // A copy, as in the driver, because dst may overlap it.
  const header = readAssociated(operation).slice();
  const tagSize = mac === undefined ? 0 : tagLen;
  const { blockSize } = cipher;
  const padding = decrypt || blockSize === 1 ? 0 : blockSize - ((len + tagSize) % blockSize);
  const size = decrypt ? len : len + tagSize + padding;
  requirePages(listedPages(dst, len, dst, dstLen));
  if (dstLen === 0) throw new Errno("EINVAL", "dst is empty");
  const data = readSource(operation).slice();
  if (!memory.isWritable(dst, sizeToPin(operation, size))) {
    throw new Errno("EINVAL", `dst does not have room for ${dstLen} bytes`);
  }
  if (decrypt) {
    argument.setUint32(argument.offset.len, openRecord(operation, record, header, data));
  } else {
    if (tagSize > AALG_MAX_RESULT_LEN) throw new Crash("tag-long");
    const plaintext = new Uint8Array(size).fill(padding - 1);
    plaintext.set(data);
    if (mac !== undefined) plaintext.set(mac.digestOf(header, data).subarray(0, tagSize), len);
    copyToUser(memory, dst, cipher.crypt(false, plaintext), "dst");
    argument.setUint32(argument.offset.len, size);
  }
  session.usage.add(decrypt, len);
}

/**
 * Decrypts in place, and only then checks padding and mac.
 *
 * @returns the length of the plaintext
 */
function openRecord(
  operation: KernelAuthOp,
  { cipher, mac }: RecordSession,
  header: Uint8Array,
  data: Uint8Array,
): number {
  const { memory, dst, tagLen } = operation;
  const reached = cipher.reach(data.length);
  const record = cipher.crypt(true, data.subarray(0, reached));
  copyToUser(memory, dst, record, "dst");
  if (reached < data.length) {
    throw new Errno("EINVAL", `len is ${data.length}, not whole blocks of ${cipher.blockSize}`);
  }
  const padding = cipher.blockSize > 1 ? paddingOf(record) : 0;
  const end = record.length - padding;
  // Without a mac the driver does not report bad padding.
  if (mac === undefined) return end;
  requireTagSize(operation, end);
  const plaintext = record.subarray(0, end - tagLen);
  const isAuthentic = fitsTag(mac.digestOf(header, plaintext), record.subarray(end - tagLen, end));
  const isPadded = cipher.blockSize === 1 || padding > 0;
  if (!isPadded || !isAuthentic) throw new Errno("EBADMSG", "the mac or the padding does not match");
  return plaintext.length;
}
