import { type BlockCipher, type KeyedCipher, type NativeRun, native } from "./cipher.ts";
import { xor } from "./xor.ts";

/** Keeps the last block of ciphertext, which the next operation chains on. */
function chainOn(ciphertext: Uint8Array, iv: Uint8Array): void {
  if (ciphertext.length === 0) return;
  // For this few bytes, `subarray` costs more than the loop.
  const start = ciphertext.length - iv.length;
  for (let index = 0; index < iv.length; index += 1) iv[index] = ciphertext[start + index] as number;
}

/** Cipher block chaining (NIST SP 800-38A, section 6.2) on a block cipher. */
export function cbc(block: BlockCipher): KeyedCipher {
  const { blockSize } = block;
  return {
    crypt(decrypt, data, iv) {
      if (decrypt) {
        const masks = new Uint8Array(data.length + blockSize);
        masks.set(iv);
        masks.set(data, blockSize);
        const plaintext = xor(block.decrypt(data), masks);
        chainOn(data, iv);
        return plaintext;
      }
      const ciphertext = new Uint8Array(data.length);
      let previous = iv;
      for (let start = 0; start < data.length; start += blockSize) {
        previous = block.encrypt(xor(data.subarray(start, start + blockSize), previous));
        ciphertext.set(previous, start);
      }
      chainOn(ciphertext, iv);
      return ciphertext;
    },
    wipe: () => block.wipe(),
  };
}

function wordsOf(block: Uint8Array): Int32Array {
  return new Int32Array(block.buffer, block.byteOffset, block.length / 4);
}

/** Up to this size, copying data costs less than creating a cipher of node:crypto. */
const SHORT = 4096;

/**
 * One direction of a cipher of node:crypto, created once. It chains on the data of its previous call. If the iv is
 * another block, the difference is compensated in the first block.
 */
class NativeChain {
  readonly #run: NativeRun;
  /** The last block of ciphertext that was processed, and its words, which take less time than bytes. */
  readonly #previousBytes: Uint8Array;
  readonly #previous: Int32Array;
  /** The iv of the last operation, and its words: a session has only one. */
  #iv: Uint8Array;
  #words: Int32Array;
  /** Memory for a plaintext whose first block is changed; it has the size that was last needed. */
  #plaintext = new Uint8Array();

  constructor(run: NativeRun, iv: Uint8Array) {
    this.#run = run;
    this.#iv = iv;
    this.#words = wordsOf(iv);
    this.#previousBytes = new Uint8Array(iv);
    this.#previous = wordsOf(this.#previousBytes);
  }

  #wordsOf(iv: Uint8Array): Int32Array {
    if (iv !== this.#iv) {
      this.#iv = iv;
      this.#words = wordsOf(iv);
    }
    return this.#words;
  }

  /** Whether the cipher chains on this block anyway, as in a stream of data. */
  continues(iv: Uint8Array): boolean {
    const words = this.#wordsOf(iv);
    const previous = this.#previous;
    for (let index = 0; index < words.length; index += 1) if (words[index] !== previous[index]) return false;
    return true;
  }

  /** Applies the difference between the block that the cipher chains on and the iv to the first block. */
  #redirect(block: Uint8Array, iv: Uint8Array): void {
    const previous = this.#previousBytes;
    for (let index = 0; index < iv.length; index += 1) {
      block[index] = (block[index] as number) ^ (iv[index] as number) ^ (previous[index] as number);
    }
  }

  /** Keeps the last block of ciphertext as the iv of the next operation, and as what the cipher chains on. */
  #chainOn(ciphertext: Uint8Array, iv: Uint8Array): void {
    chainOn(ciphertext, iv);
    const words = this.#wordsOf(iv);
    const previous = this.#previous;
    for (let index = 0; index < words.length; index += 1) previous[index] = words[index] as number;
  }

  /** Encrypts, and changes the iv to that of the next operation. */
  encrypt(data: Uint8Array, iv: Uint8Array): Uint8Array {
    const ciphertext = this.continues(iv) ? this.#run.update(data) : this.#encryptFrom(data, iv);
    this.#chainOn(ciphertext, iv);
    return ciphertext;
  }

  #encryptFrom(data: Uint8Array, iv: Uint8Array): Uint8Array {
    if (this.#plaintext.length !== data.length) this.#plaintext = new Uint8Array(data.length);
    this.#plaintext.set(data);
    this.#redirect(this.#plaintext, iv);
    const ciphertext = this.#run.update(this.#plaintext);
    this.#plaintext.fill(0);
    return ciphertext;
  }

  /** Decrypts, and changes the iv to that of the next operation. */
  decrypt(data: Uint8Array, iv: Uint8Array): Uint8Array {
    const plaintext = this.#run.update(data);
    this.#redirect(plaintext, iv);
    this.#chainOn(data, iv);
    return plaintext;
  }

  /** Ends the cipher, which then releases its key. */
  wipe(): void {
    this.#run.final();
  }
}

/** CBC by node:crypto, for a cipher that it implements. */
export function nativeCbc(name: string, key: Uint8Array): KeyedCipher {
  const { start } = native(name, key);
  let encryptor: NativeChain | undefined;
  let decryptor: NativeChain | undefined;
  /** Returns the chain for an operation: the one before, or one that starts with the iv. */
  const chainFor = (chain: NativeChain | undefined, decrypt: boolean, size: number, iv: Uint8Array): NativeChain => {
    if (chain !== undefined && (size <= SHORT || chain.continues(iv))) return chain;
    chain?.wipe();
    return new NativeChain(start(decrypt, iv), iv);
  };
  return {
    crypt(decrypt, data, iv) {
      if (data.length === 0) return new Uint8Array();
      if (decrypt) {
        decryptor = chainFor(decryptor, true, data.length, iv);
        return decryptor.decrypt(data, iv);
      }
      encryptor = chainFor(encryptor, false, data.length, iv);
      return encryptor.encrypt(data, iv);
    },
    wipe() {
      encryptor?.wipe();
      decryptor?.wipe();
    },
  };
}
