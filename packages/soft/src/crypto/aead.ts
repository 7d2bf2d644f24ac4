/** A message that is being encrypted, part by part. All parts but the last are whole blocks of 16 bytes. */
export interface Sealing {
  /** Encrypts the next part. */
  update(plaintext: Uint8Array): Uint8Array;
  /** Ends the message, and returns all 16 bytes of its tag. */
  tag(): Uint8Array;
}

/**
 * A message that is being decrypted, part by part, as in {@link Sealing}. The plaintext is returned before it is known
 * to be authentic, because the driver always leaves it behind.
 */
export interface Opening {
  /** Decrypts the next part. */
  update(ciphertext: Uint8Array): Uint8Array;
  /** Ends the message, and returns whether its tag is the right one. */
  isAuthentic(): boolean;
}

/**
 * An authenticated cipher with its key. A message updates its iv to what WRITE_IV returns; the next message can start
 * from that as from the original iv.
 */
export interface AeadCipher {
  /** Starts to encrypt a message. @param size - that of the plaintext */
  seal(iv: Uint8Array, aad: Uint8Array, size: number, tagSize: number): Sealing;
  /**
   * Starts to decrypt a message.
   *
   * @param size - that of the ciphertext, without the tag
   * @param tag - its tag, which is copied
   */
  open(iv: Uint8Array, aad: Uint8Array, size: number, tag: Uint8Array): Opening;
  /** Wipes everything derived from the key. The session wipes the key itself. */
  wipe(): void;
}

/** Compares a tag with the first bytes of a mac in constant time. A tag that is longer than the mac does not match. */
export function fitsTag(mac: Uint8Array, tag: Uint8Array): boolean {
  let difference = tag.length > mac.length ? 1 : 0;
  for (const [index, byte] of tag.entries()) difference |= byte ^ (mac[index] ?? 0);
  return difference === 0;
}
