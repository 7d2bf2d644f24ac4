import { byteLengthOf, canResize } from "../bytes.ts";

/**
 * An ioctl that was made ready once, and knows the memory of its last operation. Over the same memory all has been checked,
 * and every pointer is in place: this is the steady state of a session, in which an operation costs no more than to find
 * that it is. It is a part of those who send the ioctl, and no object of its own: each object that an operation touches
 * has to come from memory, when another process has used the caches meanwhile.
 */
export abstract class Prepared {
  #isSet = false;
  #src: Uint8Array | undefined;
  #dst: Uint8Array | undefined;
  #iv: Uint8Array | undefined;
  #aad: Uint8Array | undefined;
  /** Where their last bytes are. */
  #srcEnd = 0;
  #dstEnd = 0;
  #ivEnd = 0;
  #aadEnd = 0;

  /** Remembers memory that was checked; but none that can grow or shrink, and none without bytes. */
  remember(src: Uint8Array, dst: Uint8Array, iv: Uint8Array | undefined, aad?: Uint8Array): void {
    if (!canStay(src) || !canStay(dst) || (iv && !canStay(iv)) || (aad && !canStay(aad))) return;
    this.#isSet = true;
    this.#src = src;
    this.#dst = dst;
    this.#iv = iv;
    this.#aad = aad;
    this.#srcEnd = byteLengthOf(src) - 1;
    this.#dstEnd = byteLengthOf(dst) - 1;
    this.#ivEnd = iv === undefined ? 0 : byteLengthOf(iv) - 1;
    this.#aadEnd = aad === undefined ? 0 : byteLengthOf(aad) - 1;
  }

  /**
   * Whether an operation would be over the memory that was remembered, and is still there: a view whose memory was
   * detached has no last byte, and none can pretend that it has one.
   */
  isOver(src: Uint8Array, dst: Uint8Array, iv: Uint8Array | undefined, aad?: Uint8Array): boolean {
    return (
      this.#isSet &&
      src === this.#src &&
      dst === this.#dst &&
      iv === this.#iv &&
      aad === this.#aad &&
      src[this.#srcEnd] !== undefined &&
      dst[this.#dstEnd] !== undefined &&
      (iv === undefined || iv[this.#ivEnd] !== undefined) &&
      (aad === undefined || aad[this.#aadEnd] !== undefined)
    );
  }

  /** Forgets, when pointers are set anew. */
  forget(): void {
    this.#isSet = false;
  }

  /** Lets go of the memory as well. */
  release(): void {
    this.#isSet = false;
    this.#src = undefined;
    this.#dst = undefined;
    this.#iv = undefined;
    this.#aad = undefined;
  }
}

function canStay(bytes: Uint8Array): boolean {
  return byteLengthOf(bytes) > 0 && !canResize(bytes);
}
