import { Buffer } from "node:buffer";
import type { Cipher, CipherChunks } from "@cryptodev/core";
import { partOf, updateCreating } from "@cryptodev/core/host";
import { badDecrypt, beyondDevice, cannotAdd, wrongFinalBlockLength } from "./errors.ts";
import { lacking } from "./lacks.ts";
import { copyOf } from "./values.ts";
import type { Work } from "./work.ts";

/** Results of at most this many bytes are copied from memory of the core as a whole, so theirs need not be zeros. */
const COPIED = 4096;

/** Allocates a Buffer from the start, because one that is made later of other memory costs more. */
function allocated(size: number): Buffer {
  return size <= COPIED ? Buffer.allocUnsafeSlow(size) : Buffer.alloc(size);
}

/** A stream cipher: `update()` returns as many bytes as it gets. */
export class StreamWork implements Work {
  readonly #session: Cipher;
  readonly #chunks: CipherChunks;

  constructor(session: Cipher, decrypt: boolean, iv: Uint8Array | undefined) {
    this.#session = session;
    this.#chunks = decrypt ? session.decryptor(iv, { eager: true }) : session.encryptor(iv, { eager: true });
  }

  update(data: Uint8Array): Uint8Array {
    return updateCreating(this.#chunks, data, allocated);
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
  readonly #blockSize: number;
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
    this.#blockSize = session.blockSize;
    this.#decrypt = decrypt;
    this.#chunks = decrypt ? session.decryptor(iv) : session.encryptor(iv);
  }

  update(data: Uint8Array, size: number): Uint8Array {
    const total = this.#begun + size;
    const begun = total % this.#blockSize;
    const result = this.#decrypt ? this.#decrypted(data, size, begun) : updateCreating(this.#chunks, data, allocated);
    this.#begun = begun;
    return result;
  }

  #decrypted(data: Uint8Array, size: number, begun: number): Uint8Array {
    const held = this.#held;
    if (size === 0 && this.#pads) return Buffer.alloc(0);
    const end = size - (this.#pads && begun === 0 ? Math.min(size, this.#blockSize) : 0);
    const ready = held.length === 0 ? partOf(data, 0, end) : joined(held, partOf(data, 0, end));
    this.#held = partOf(data, end, size).slice();
    return this.#chunks.update(ready);
  }

  final(): Uint8Array {
    if (!this.#decrypt && this.#pads) {
      const count = this.#blockSize - this.#begun;
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

/** Removes the padding from the last block (RFC 5652, section 6.3), which is wiped. */
function unpadded(block: Uint8Array): Uint8Array {
  const count = block.at(-1) as number;
  const end = block.length - count;
  const isPadding = count > 0 && end >= 0 && block.subarray(end).every((byte) => byte === count);
  const plaintext = isPadding ? copyOf(block.subarray(0, end)) : undefined;
  block.fill(0);
  if (plaintext === undefined) throw badDecrypt();
  return plaintext;
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

  update(data: Uint8Array, size: number): Uint8Array {
    const { blockSize, name } = this.#session;
    if (size < blockSize || size > MAX_SECTOR) throw cannotAdd();
    if (size % blockSize !== 0) {
      throw lacking(beyondDevice(`data for ${name}: expected a multiple of ${blockSize} bytes, got ${size}`));
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
