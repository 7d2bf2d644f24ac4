/** What an AEAD gives for a plaintext. */
export interface Sealed {
  readonly ciphertext: Uint8Array;
  /** All 16 bytes of the tag. */
  readonly tag: Uint8Array;
}

/** What an AEAD makes of a ciphertext: the plaintext in any case, as the driver leaves it behind in any case. */
export interface Opened {
  readonly plaintext: Uint8Array;
  readonly authentic: boolean;
}

/**
 * An authenticated cipher, with its key. An operation leaves in its iv what WRITE_IV gives back, which the next one can start
 * from as from the iv itself.
 */
export interface AeadCipher {
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, tagSize: number): Sealed;
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Opened;
  /** Forgets what was made of the key; the key itself is the session's to wipe. */
  wipe(): void;
}

/**
 * Whether the first bytes of a mac are those of a tag, without telling where they differ; a tag that is longer than the mac
 * fits nothing.
 */
export function fitsTag(mac: Uint8Array, tag: Uint8Array): boolean {
  let difference = tag.length > mac.length ? 1 : 0;
  for (const [index, byte] of tag.entries()) difference |= byte ^ (mac[index] ?? 0);
  return difference === 0;
}
