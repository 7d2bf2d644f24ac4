/** The result of encrypting a plaintext. */
export interface Sealed {
  readonly ciphertext: Uint8Array;
  /** All 16 bytes of the tag. */
  readonly tag: Uint8Array;
}

/**
 * The result of decrypting a ciphertext. The plaintext is always present, because the driver always leaves it behind.
 */
export interface Opened {
  readonly plaintext: Uint8Array;
  readonly authentic: boolean;
}

/**
 * An authenticated cipher with its key. An operation updates its iv to what WRITE_IV returns; the next operation can
 * start from that as from the original iv.
 */
export interface AeadCipher {
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tagSize: number): Sealed;
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Opened;
  /** Wipes everything derived from the key. The session wipes the key itself. */
  wipe(): void;
}

/** Compares a tag with the first bytes of a mac in constant time. A tag that is longer than the mac does not match. */
export function fitsTag(mac: Uint8Array, tag: Uint8Array): boolean {
  let difference = tag.length > mac.length ? 1 : 0;
  for (const [index, byte] of tag.entries()) difference |= byte ^ (mac[index] ?? 0);
  return difference === 0;
}
