import { byteLengthOf, canResize } from "../memory/bytes.ts";
import { touch } from "./zero_copy.ts";

/** Of so many operations over ever new memory, that of one is noted. */
const SAMPLE = 16;

/**
 * The memory of the last operation. Over the same memory everything has been checked and every pointer is in place: this is
 * the steady state of a session, in which an operation costs no more than to find that it is.
 *
 * It is a base class, and not an object of its own: each object that an operation touches has to come from memory if another
 * process has used the caches meanwhile.
 */
export abstract class Repeated {
  #isReady = false;
  /** How many operations had other memory than the one that was noted. */
  #strangers = 0;
  #src: Uint8Array | undefined;
  #dst: Uint8Array | undefined;
  #iv: Uint8Array | undefined;
  /** Where the last bytes are that the kernel uses. */
  #srcEnd = 0;
  #dstEnd = 0;
  #ivEnd = 0;

  /**
   * Whether an operation would be over the memory that its pointers name, and that memory still exists: a view whose memory
   * was detached does not have a last byte, and none can pretend to. The pages that are written to are touched: see
   * {@link touch}.
   */
  isOver(src: Uint8Array, dst: Uint8Array, iv: Uint8Array | undefined): boolean {
    if (!this.#isReady || src !== this.#src || dst !== this.#dst || iv !== this.#iv) return false;
    if (src[this.#srcEnd] === undefined || dst[this.#dstEnd] === undefined) return false;
    if (iv !== undefined && iv[this.#ivEnd] === undefined) return false;
    touch(dst, this.#dstEnd + 1);
    return true;
  }

  /**
   * Takes note of the memory of an operation that was carried out: not of each, as a collector has to look after what old
   * objects hold of young ones, and programs that bring new memory each time would pay for those that do not.
   *
   * @returns whether an operation shortly before it had the same, so that pointers to it are worth their price: what can grow
   * or shrink, or has no bytes, is always looked at anew
   */
  protected recurs(src: Uint8Array, dst: Uint8Array, iv: Uint8Array | undefined): boolean {
    if (src === this.#src && dst === this.#dst && iv === this.#iv) {
      return canStay(src) && canStay(dst) && (iv === undefined || canStay(iv));
    }
    if (this.#strangers % SAMPLE === 0) {
      this.#src = src;
      this.#dst = dst;
      this.#iv = iv;
    }
    this.#strangers += 1;
    return false;
  }

  /** The pointers name the memory that was noted last: so many bytes of the source, and of the destination. */
  protected ready(size: number, written: number): void {
    this.#srcEnd = size - 1;
    this.#dstEnd = written - 1;
    this.#ivEnd = this.#iv === undefined ? 0 : byteLengthOf(this.#iv) - 1;
    this.#isReady = true;
  }

  /** The pointers name something else. */
  protected forget(): void {
    this.#isReady = false;
  }

  /** Lets go of the memory as well. */
  protected letGo(): void {
    this.#isReady = false;
    this.#strangers = 0;
    this.#src = undefined;
    this.#dst = undefined;
    this.#iv = undefined;
  }
}

function canStay(bytes: Uint8Array): boolean {
  return byteLengthOf(bytes) > 0 && !canResize(bytes);
}
