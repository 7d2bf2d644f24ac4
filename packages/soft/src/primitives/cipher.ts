import { createCipheriv, createDecipheriv, createSecretKey, getCiphers } from "node:crypto";

/** A cipher in one of its modes, with its key. */
export interface KeyedCipher {
  /**
   * Encrypts or decrypts whole blocks, or any number of bytes where the mode is a stream.
   *
   * @param iv - the iv to start from; afterwards the one from which the next operation would go on
   * @param isContinued - whether the iv is what a piece before left behind, which only XTS has to know
   */
  crypt(decrypt: boolean, data: Uint8Array, iv: Uint8Array, isContinued?: boolean): Uint8Array;
  /** Forgets what was made of the key; the key itself is the session's to wipe. */
  wipe(): void;
}

/** A cipher without a mode: each block on its own, any number of them at once. */
export interface BlockCipher {
  readonly blockSize: number;
  /** Forgets the key. */
  wipe(): void;
  encrypt(blocks: Uint8Array): Uint8Array;
  decrypt(blocks: Uint8Array): Uint8Array;
}

const available: ReadonlySet<string> = new Set(getCiphers());

/** Whether this runtime's node:crypto has a cipher. */
export function isAvailable(name: string): boolean {
  return available.has(name);
}

/** The little of a Cipher of node:crypto that is used here; its own types stay out of the published ones. */
export interface NativeRun {
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

/** A cipher of node:crypto with its key. There is no padding. */
export interface NativeCipher {
  /** Begins at an iv. */
  start(decrypt: boolean, iv: Uint8Array): NativeRun;
  /** Begins at an iv, and works on the whole of some data. */
  run(decrypt: boolean, iv: Uint8Array, data: Uint8Array): Uint8Array;
}

/**
 * Keys a cipher of node:crypto. It gets the key as a KeyObject, made once: newer versions of Node.js spend ten
 * microseconds on making one of bytes.
 */
export function native(name: string, key: Uint8Array): NativeCipher {
  const secret = createSecretKey(key);
  const start = (decrypt: boolean, iv: Uint8Array): NativeRun =>
    (decrypt ? createDecipheriv(name, secret, iv) : createCipheriv(name, secret, iv)).setAutoPadding(false);
  return {
    start,
    run(decrypt, iv, data) {
      const cipher = start(decrypt, iv);
      const result = cipher.update(data);
      // Without padding nothing is left to come; Deno frees what belongs to a cipher only when it has ended.
      cipher.final();
      return result;
    },
  };
}

/** AES (FIPS 197), as every runtime's node:crypto has it. */
export function aes(key: Uint8Array): BlockCipher {
  const name = `aes-${key.length * 8}-ecb`;
  const encryptor = createCipheriv(name, key, null);
  const decryptor = createDecipheriv(name, key, null);
  encryptor.setAutoPadding(false);
  decryptor.setAutoPadding(false);
  return {
    blockSize: 16,
    encrypt: (blocks) => encryptor.update(blocks),
    decrypt: (blocks) => decryptor.update(blocks),
    wipe() {
      encryptor.final();
      decryptor.final();
    },
  };
}
