import type { Cipher, CipherChunks } from "@cryptodev/core";
import { badDecrypt, beyondDevice, cannotAdd, wrongFinalBlockLength } from "./errors.ts";
import { lacking } from "./lacks.ts";
import type { Work } from "./work.ts";

/** A stream cipher: `update()` returns as many bytes as it gets. */
export class StreamWork implements Work {
  readonly #session: Cipher;
  readonly #chunks: CipherChunks;

  constructor(session: Cipher, decrypt: boolean, iv: Uint8Array | undefined) {
    this.#session = session;
    this.#chunks = decrypt ? session.decryptor(iv, { eager: true }) : session.encryptor(iv, { eager: true });
  }

  update(data: Uint8Array): Uint8Array {
    return this.#chunks.update(data);
  }

  final(): Uint8Array {
    return this.#chunks.final();
  }

  setAutoPadding(): void {}

  moveTo(): void {}

  close(): void {
    this.#session.close();
  }
}

/**
 * A block cipher with node's padding (PKCS#7). Padding can be turned on or off until the end, so the session works
 * without it, and decryption holds back the block that may contain it.
 */
export class BlockWork implements Work {
  readonly #session: Cipher;
  readonly #decrypt: boolean;
  readonly #chunks: CipherChunks;
  #pads = true;
  /** Bytes of the data so far that do not fill a block. */
  #begun = 0;
  /**
   * The end of the ciphertext so far, if that is whole blocks: the bytes of the last block that the last chunk
   * contained.
   */
  #held: Uint8Array = new Uint8Array(0);

  constructor(session: Cipher, decrypt: boolean, iv: Uint8Array | undefined) {
    this.#session = session;
    this.#decrypt = decrypt;
    this.#chunks = decrypt ? session.decryptor(iv) : session.encryptor(iv);
  }

  update(data: Uint8Array): Uint8Array {
    const { blockSize } = this.#session;
    this.#begun = (this.#begun + data.length) % blockSize;
    if (!this.#decrypt) return this.#chunks.update(data);
    const held = this.#held;
    if (data.length === 0 && this.#pads) return new Uint8Array(0);
    const end = data.length - (this.#pads && this.#begun === 0 ? Math.min(data.length, blockSize) : 0);
    const ready = held.length === 0 ? data.subarray(0, end) : joined(held, data.subarray(0, end));
    this.#held = data.slice(end);
    return this.#chunks.update(ready);
  }

  final(): Uint8Array {
    const { blockSize } = this.#session;
    if (!this.#decrypt && this.#pads) {
      const count = blockSize - this.#begun;
      return this.#chunks.update(new Uint8Array(count).fill(count));
    }
    if (this.#begun > 0 || (this.#pads && this.#held.length === 0)) throw wrongFinalBlockLength();
    const block = this.#chunks.update(this.#held);
    return this.#pads ? unpadded(block) : block;
  }

  setAutoPadding(pads: boolean): void {
    this.#pads = pads;
  }

  moveTo(): void {}

  close(): void {
    this.#held.fill(0);
    this.#session.close();
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}

/** Removes the padding from the last block (RFC 5652, section 6.3). */
function unpadded(block: Uint8Array): Uint8Array {
  const count = block.at(-1) as number;
  const end = block.length - count;
  if (count > 0 && end >= 0 && block.subarray(end).every((byte) => byte === count)) return block.subarray(0, end);
  block.fill(0);
  throw badDecrypt();
}

/** The most bytes that XTS encrypts with one iv: 2^20 blocks (IEEE 1619, section 5.1). */
const MAX_SECTOR = 2 ** 24;

/** XTS: each chunk is a sector of its own with the same iv, as in OpenSSL. */
export class SectorWork implements Work {
  readonly #session: Cipher;
  readonly #decrypt: boolean;
  readonly #iv: Uint8Array;

  constructor(session: Cipher, decrypt: boolean, iv: Uint8Array) {
    this.#session = session;
    this.#decrypt = decrypt;
    this.#iv = iv;
  }

  update(data: Uint8Array): Uint8Array {
    const { blockSize, name } = this.#session;
    if (data.length < blockSize || data.length > MAX_SECTOR) throw cannotAdd();
    if (data.length % blockSize !== 0) {
      throw lacking(beyondDevice(`data for ${name}: expected a multiple of ${blockSize} bytes, got ${data.length}`));
    }
    return this.#decrypt ? this.#session.decrypt(data, this.#iv) : this.#session.encrypt(data, this.#iv);
  }

  final(): Uint8Array {
    return new Uint8Array(0);
  }

  setAutoPadding(): void {}

  moveTo(): void {}

  close(): void {
    this.#session.close();
  }
}
