import { AALG_MAX_RESULT_LEN } from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { fitsTag } from "../crypto/aead.ts";
import { Errno } from "../errno.ts";
import { copyFromUser, copyToUser, noBytes } from "../user/memory.ts";
import {
  digestOf,
  type KernelAuthOp,
  readSource,
  requirePages,
  requireReachable,
  requireRecordSession,
  requireTagSize,
} from "./auth_operation.ts";
import { areReachable, inPieces, type Slices } from "./slices.ts";
import { pageCount } from "./zero_copy.ts";

/** The maximum size of a packet's header, which the mac covers and the cipher does not. */
const MAX_HEADER = 256;

/**
 * Processes an SRTP packet: encrypts the data inside auth_src, then computes the mac of all of auth_src (RFC 3711,
 * section 3.3).
 */
export function* srtpCrypt(operation: KernelAuthOp): Slices<void> {
  const { memory, session, decrypt, len, authSrc, authLen, src, dst, dstLen, tag, tagLen, pace } = operation;
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
  const packet = yield* readPacket(operation);
  const partOf = (start: number, size: number): Uint8Array =>
    packet?.subarray(start, start + size) ?? copyFromUser(memory, authSrc + start, size, "auth_src");

  const crypt = inPieces(len, pace, (start, size) => {
    const result = cipher.crypt(decrypt, partOf(header + start, size), start > 0);
    copyToUser(memory, dst + start, result, "dst");
    packet?.set(result, header + start);
  });
  if (mac === undefined) {
    yield* crypt;
  } else if (decrypt) {
    requireTagSize(operation, len);
    const given = copyFromUser(memory, tag, tagLen, "tag").slice();
    const digest = yield* digestOf(mac, noBytes, authLen, partOf, pace);
    if (!fitsTag(digest, given)) throw new Errno("EBADMSG", "the mac does not match");
    yield* crypt;
  } else {
    yield* crypt;
    const digest = yield* digestOf(mac, noBytes, authLen, partOf, pace);
    // The kernel knows the size of the buffer that the tag is copied from, and refuses to read past its end.
    if (tagLen > AALG_MAX_RESULT_LEN)
      throw new Errno("EFAULT", `tag_len is ${tagLen}, expected at most ${AALG_MAX_RESULT_LEN}`);
    copyToUser(memory, tag, digest.subarray(0, tagLen), "tag");
  }
  session.usage.add(decrypt, len);
}

/**
 * Reads the packet.
 *
 * @returns a copy; `undefined` if it is long, and only known to be readable and writable
 */
function* readPacket(operation: KernelAuthOp): Slices<Uint8Array | undefined> {
  const { memory, authSrc, authLen, len, isLong } = operation;
  if (isLong) {
    yield* requireReachable(operation, len, false);
    if (yield* areReachable(memory, authSrc, authLen, true)) return undefined;
  } else {
    readSource(operation);
    const packet = memory.read(authSrc, authLen);
    if (packet !== undefined && memory.isWritable(authSrc, authLen)) return packet.slice();
  }
  throw new Errno("EINVAL", `auth_src: ${authLen} bytes at ${authSrc} cannot be read and written`);
}
