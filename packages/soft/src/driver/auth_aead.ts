import { Crash } from "../crash.ts";
import type { Opening, Sealing } from "../crypto/aead.ts";
import { Errno } from "../errno.ts";
import { copyFromUser } from "../user/memory.ts";
import {
  type KernelAuthOp,
  readAssociated,
  readSource,
  requirePages,
  requireReachable,
  requireShortAssociated,
  sizeToPin,
} from "./auth_operation.ts";
import type { SessionAead } from "./session.ts";
import { inPieces, type Slices } from "./slices.ts";
import { listedPages, requireWritable, writeThrough } from "./zero_copy.ts";

/**
 * The first byte of a CCM iv is the size of the length field, less one. A message whose length does not fit in that
 * field is refused.
 *
 * @throws {Errno} with `EINVAL` if the iv is invalid
 * @throws {Errno} with `EOVERFLOW` if the message is too long for it
 */
function requireCcmIv(iv: Uint8Array, size: number): void {
  const [first = 0] = iv;
  if (first < 1 || first > 7) throw new Errno("EINVAL", `the iv of CCM starts with ${first}, expected 1 to 7`);
  if (first < 3 && size > 2 ** (8 * (first + 1))) {
    throw new Errno(
      "EOVERFLOW",
      `${size} bytes are more than the ${first + 1} bytes of length in the iv of CCM can count`,
    );
  }
}

/** A message in either direction. */
type Message = Opening | Sealing;

/**
 * Runs an operation of GCM or CCM. The tag follows the ciphertext.
 *
 * @returns the work, if the data is long
 */
export function authenticatedCrypt(operation: KernelAuthOp, aead: SessionAead): Slices<void> | undefined {
  const { memory, len, authLen, src, dst, dstLen } = operation;
  requireShortAssociated(operation);
  if (len === 0 && authLen === 0 && src === 0) throw new Crash("aead-nothing");
  requirePages(listedPages(src, len, dst, dst === 0 ? 0 : dstLen));
  if (operation.isLong) return inSlices(operation, aead);
  const data = readSource(operation);
  const size = writtenSize(operation, aead);
  if (src !== dst) requireWritable(memory, dst, size);
  else if (size > 0 && !memory.isWritable(dst, size)) throw new Errno("EINVAL", "src cannot be written in place");
  const message = begin(operation, aead, (start) => data.subarray(start));
  writeThrough(memory, dst, message.update(data.subarray(0, textSize(operation, aead))), faultOf(operation));
  end(operation, aead, message);
  return undefined;
}

function* inSlices(operation: KernelAuthOp, aead: SessionAead): Slices<void> {
  const { memory, len, src, dst, pace } = operation;
  const size = writtenSize(operation, aead);
  const isInPlace = src === dst;
  yield* requireReachable(operation, isInPlace ? Math.max(len, size) : len, isInPlace);
  if (!isInPlace) requireWritable(memory, dst, size);
  const message = begin(operation, aead, (start) => copyFromUser(memory, src + start, len - start, "tag"));
  yield* inPieces(textSize(operation, aead), pace, (start, count) => {
    const piece = copyFromUser(memory, src + start, count, "src");
    writeThrough(memory, dst + start, message.update(piece), faultOf(operation));
  });
  end(operation, aead, message);
}

/** Returns how much of dst has to be writable. The driver gets its pages before it checks the tag size. */
function writtenSize(operation: KernelAuthOp, { tagSize }: SessionAead): number {
  const { decrypt, len, tagLen } = operation;
  return sizeToPin(operation, decrypt ? len : len + Math.min(tagLen, tagSize));
}

/** Returns the size of the data without a tag. */
function textSize({ decrypt, len }: KernelAuthOp, { tagSize }: SessionAead): number {
  return decrypt ? len - tagSize : len;
}

/** The error if dst can no longer be written; in another buffer than src, that crashes the driver. */
function faultOf({ src, dst }: KernelAuthOp): "EINVAL" | undefined {
  return src === dst ? "EINVAL" : undefined;
}

/** Starts the message. @param dataFrom - returns the data from there to its end */
function begin(operation: KernelAuthOp, aead: SessionAead, dataFrom: (start: number) => Uint8Array): Message {
  const { decrypt, len, tagLen } = operation;
  const aad = readAssociated(operation);
  aead.setTagSize(tagLen);
  const { iv, keyed, tagSize } = aead;
  if (decrypt && len < tagSize) throw new Errno("EINVAL", `len is ${len}, less than the size of the tag, ${tagSize}`);
  const size = textSize(operation, aead);
  if (aead.driver.algorithm.name === "aes-ccm") requireCcmIv(iv, size);
  return decrypt ? keyed.open(iv, aad, size, dataFrom(size)) : keyed.seal(iv, aad, size, tagSize);
}

/** Ends the message: compares its tag, or writes it. */
function end(operation: KernelAuthOp, aead: SessionAead, message: Message): void {
  const { argument, memory, session, decrypt, len, dst } = operation;
  const at = argument.offset;
  const { tagSize } = aead;
  const size = textSize(operation, aead);
  if ("isAuthentic" in message) {
    // The driver decrypts before it compares tags, and leaves the plaintext in place if they differ.
    if (!message.isAuthentic()) throw new Errno("EBADMSG", "the tag does not match");
  } else {
    const tag = message.tag();
    writeThrough(memory, dst + size, tagSize === tag.length ? tag : tag.subarray(0, tagSize), faultOf(operation));
  }
  argument.setUint32(at.len, decrypt ? size : size + tagSize);
  argument.setPointer(at.tag, dst + size);
  session.usage.add(decrypt, len);
}
