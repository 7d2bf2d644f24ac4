import { type Cipher, type CipherChunks, CryptodevError } from "@cryptodev/core";
import { badDecrypt, cannotAdd, invalidState, wrongFinalBlockLength } from "./errors.ts";
import type { Work } from "./work.ts";

/** A block cipher with node's padding, or a stream cipher, which gives as many bytes as it gets. */
export class ChunkedWork implements Work {
  readonly sessions: readonly [Cipher];
  readonly #decrypt: boolean;
  readonly #iv: Uint8Array | undefined;
  #pads: boolean;
  #chunks: CipherChunks | undefined;

  constructor(session: Cipher, decrypt: boolean, iv: Uint8Array | undefined) {
    this.sessions = [session];
    this.#decrypt = decrypt;
    this.#iv = iv;
    this.#pads = session.blockSize > 1;
  }

  update(data: Uint8Array): Uint8Array {
    return this.#begun().update(data);
  }

  final(): Uint8Array {
    try {
      return this.#begun().final();
    } catch (error) {
      if (error instanceof RangeError) throw wrongFinalBlockLength(error);
      if (error instanceof CryptodevError && error.code === "EBADMSG") throw badDecrypt(error);
      throw error;
    }
  }

  setAutoPadding(pads: boolean): void {
    if (this.sessions[0].blockSize === 1 || pads === this.#pads) return;
    // The block that is held back for its padding, or was not, cannot be helped any more.
    if (this.#chunks !== undefined) throw invalidState("setAutoPadding");
    this.#pads = pads;
  }

  #begun(): CipherChunks {
    const options = { padding: this.#pads ? "pkcs7" : "none", eager: true } as const;
    this.#chunks ??= this.#decrypt
      ? this.sessions[0].decryptor(this.#iv, options)
      : this.sessions[0].encryptor(this.#iv, options);
    return this.#chunks;
  }
}

/** XTS: every piece of data is a sector of its own under the same iv, as it is to OpenSSL. */
export class SectorWork implements Work {
  readonly sessions: readonly [Cipher];
  readonly #decrypt: boolean;
  readonly #iv: Uint8Array;

  constructor(session: Cipher, decrypt: boolean, iv: Uint8Array) {
    this.sessions = [session];
    this.#decrypt = decrypt;
    this.#iv = iv;
  }

  update(data: Uint8Array): Uint8Array {
    if (data.length < this.sessions[0].blockSize) throw cannotAdd();
    return this.#decrypt ? this.sessions[0].decrypt(data, this.#iv) : this.sessions[0].encrypt(data, this.#iv);
  }

  final(): Uint8Array {
    return new Uint8Array(0);
  }

  setAutoPadding(): void {}
}
