import { Crash } from "../crash.ts";
import { Errno } from "../errno.ts";
import {
  type KernelAuthOp,
  readAssociated,
  readSource,
  requirePages,
  requireShortAssociated,
  sizeToPin,
} from "./auth_operation.ts";
import type { SessionAead } from "./session.ts";
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

/** Runs an operation of GCM or CCM. The tag follows the ciphertext. */
export function authenticatedCrypt(operation: KernelAuthOp, aead: SessionAead): void {
  const { argument, memory, session, decrypt, len, authLen, src, dst, dstLen, tagLen } = operation;
  const at = argument.offset;
  requireShortAssociated(operation);
  if (len === 0 && authLen === 0 && src === 0) throw new Crash("aead-nothing");
  requirePages(listedPages(src, len, dst, dst === 0 ? 0 : dstLen));
  const data = readSource(operation);
  // The driver gets the pages before it checks the tag size.
  const size = sizeToPin(operation, decrypt ? len : len + Math.min(tagLen, aead.tagSize));
  const inPlace = src === dst ? "EINVAL" : undefined;
  if (inPlace === undefined) requireWritable(memory, dst, size);
  else if (size > 0 && !memory.isWritable(dst, size)) throw new Errno(inPlace, "src cannot be written in place");
  const aad = readAssociated(operation);
  aead.setTagSize(tagLen);
  const { tagSize } = aead;
  if (decrypt && len < tagSize) throw new Errno("EINVAL", `len is ${len}, less than the size of the tag, ${tagSize}`);
  if (aead.driver.algorithm.name === "aes-ccm") requireCcmIv(aead.iv, decrypt ? len - tagSize : len);

  if (decrypt) {
    const tag = data.subarray(len - tagSize);
    const { plaintext, authentic } = aead.keyed.open(aead.iv, aad, data.subarray(0, len - tagSize), tag);
    // The driver decrypts before it compares tags, and leaves the plaintext in place if they differ.
    writeThrough(memory, dst, plaintext, inPlace);
    if (!authentic) throw new Errno("EBADMSG", "the tag does not match");
    argument.setUint32(at.len, len - tagSize);
  } else {
    const { ciphertext, tag } = aead.keyed.seal(aead.iv, aad, data, tagSize);
    writeThrough(memory, dst, ciphertext, inPlace);
    writeThrough(memory, dst + len, tagSize === tag.length ? tag : tag.subarray(0, tagSize), inPlace);
    argument.setUint32(at.len, len + tagSize);
  }
  argument.setPointer(at.tag, dst + (decrypt ? len - tagSize : len));
  session.usage.add(decrypt, len);
}
