import { byteLengthOf, canResize } from "../memory/bytes.ts";
import { touch } from "./zero_copy.ts";

/** If every operation uses new memory, one in this many is remembered. */
const SAMPLE = 16;

/**
 * The memory of the last operation. If the next operation uses the same memory, the checks have been made and the
 * pointers are set: in this steady state an operation costs no more than recognising it.
 *
 * It is a base class, not a member: that is one object fewer to load when other processes have used the caches.
 */
export abstract class Repeated {
  #isReady = false;
  /** Number of operations that used other memory than the remembered one. */
  #strangers = 0;
  #src: Uint8Array | undefined;
  #dst: Uint8Array | undefined;
  #iv: Uint8Array | undefined;
  /** The index of the last byte that the kernel uses. */
  #srcEnd = 0;
  #dstEnd = 0;
  #ivEnd = 0;

  /**
   * Whether an operation would use the memory that its pointers refer to, and that memory still exists. A view whose
   * buffer was detached does not have a last byte, and no view can fake one. Writes to the destination's pages first;
   * see {@link touch}.
   */
  isOver(src: Uint8Array, dst: Uint8Array, iv: Uint8Array | undefined): boolean {
    if (!this.#isReady || src !== this.#src || dst !== this.#dst || iv !== this.#iv) return false;
    if (src[this.#srcEnd] === undefined || dst[this.#dstEnd] === undefined) return false;
    if (iv !== undefined && iv[this.#ivEnd] === undefined) return false;
    touch(dst, this.#dstEnd + 1);
    return true;
  }

  /**
   * Remembers the memory of an operation, but not of each one: a garbage collector has to track what old objects hold
   * of young ones, and programs that use new memory each time would pay for that.
   *
   * @returns whether a recent operation used the same memory, so that pointers to it are worth their cost; `false` for
   * memory that is empty or can be resized, which has to be measured each time
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

  /** Marks the remembered memory as what the pointers refer to, with the sizes of the source and of the output. */
  protected ready(size: number, written: number): void {
    this.#srcEnd = size - 1;
    this.#dstEnd = written - 1;
    this.#ivEnd = this.#iv === undefined ? 0 : byteLengthOf(this.#iv) - 1;
    this.#isReady = true;
  }

  /** Marks the pointers as referring to something else. */
  protected forget(): void {
    this.#isReady = false;
  }

  /** Releases the memory as well. */
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
