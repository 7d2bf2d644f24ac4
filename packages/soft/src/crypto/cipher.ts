import { createCipheriv, createDecipheriv, createSecretKey, getCiphers } from "node:crypto";

/** A cipher in one of its modes, with its key. */
export interface KeyedCipher {
  /**
   * Encrypts or decrypts whole blocks, or any number of bytes in a stream mode.
   *
   * @param iv - the iv to start from; afterwards the one that the next operation would continue from
   * @param isContinued - whether the iv is what the previous piece left behind; only XTS depends on it
   */
  crypt(decrypt: boolean, data: Uint8Array, iv: Uint8Array, isContinued?: boolean): Uint8Array;
  /** Wipes everything derived from the key. The session wipes the key itself. */
  wipe(): void;
}

/** A cipher without a mode: processes any number of blocks at once, each on its own. */
export interface BlockCipher {
  readonly blockSize: number;
  /** Wipes the key. */
  wipe(): void;
  encrypt(blocks: Uint8Array): Uint8Array;
  decrypt(blocks: Uint8Array): Uint8Array;
}

const available: ReadonlySet<string> = new Set(getCiphers());

/** Whether this runtime's node:crypto implements a cipher. */
export function isAvailable(name: string): boolean {
  return available.has(name);
}

/** The part of node:crypto's Cipher that is used here; its own types stay out of the published declarations. */
export interface NativeRun {
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

/** A cipher of node:crypto with its key, without padding. */
export interface NativeCipher {
  /** Starts with an iv. */
  start(decrypt: boolean, iv: Uint8Array): NativeRun;
  /** Starts with an iv, and processes all of the data. */
  run(decrypt: boolean, iv: Uint8Array, data: Uint8Array): Uint8Array;
}

/**
 * Sets the key of a cipher of node:crypto. The key is converted to a KeyObject once: newer versions of Node.js spend
 * ten microseconds on converting bytes.
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
      // Without padding `final` returns no data, but Deno frees the resources of a cipher only when it has ended.
      cipher.final();
      return result;
    },
  };
}

/** AES (FIPS 197) by node:crypto, which implements it in every runtime. */
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
