import type { Ioctl } from "../abi/ioctl.ts";
import { CIOCCRYPT } from "../abi/ioctls/CIOCCRYPT.ts";
import type { crypt_op } from "../abi/structs/crypt_op.ts";
import { byteLengthOf, canResize } from "../bytes.ts";
import { Call } from "../call.ts";
import type { Host } from "../host.ts";
import type { Channel } from "./channel.ts";

/** CIOCCRYPT, or its asynchronous form, made ready once: an operation only fills in what differs from the last. */
export class Crypt {
  readonly #call: Call<typeof crypt_op>;
  #isRemembered = false;
  #src: Uint8Array | undefined;
  #dst: Uint8Array | undefined;
  #iv: Uint8Array | undefined;
  /** Where their last bytes are. */
  #srcEnd = 0;
  #dstEnd = 0;
  #ivEnd = 0;

  constructor(host: Host, ses: number, ioctl: Ioctl<typeof crypt_op> = CIOCCRYPT) {
    this.#call = new Call(host, ioctl);
    this.#call.setUint32(this.#call.offset.ses, ses);
  }

  /** That of a session, which lets go of its buffers when the session ends. */
  static of(channel: Channel): Crypt {
    const crypt = new Crypt(channel.descriptor.host, channel.id);
    channel.onEnd(() => crypt.release());
    return crypt;
  }

  /** Fills in an operation over `len` bytes. What is `null` becomes a NULL pointer. */
  prepare(
    op: number,
    flags: number,
    len: number,
    src: Uint8Array | null,
    dst: Uint8Array | null,
    mac: Uint8Array | null,
    iv: Uint8Array | null,
  ): Call<typeof crypt_op> {
    const call = this.#call;
    const at = call.offset;
    this.#isRemembered = false;
    call.setUint16(at.op, op);
    call.setUint16(at.flags, flags);
    call.setUint32(at.len, len);
    call.point(at.src, src);
    call.point(at.dst, dst);
    call.point(at.mac, mac);
    call.point(at.iv, iv);
    return call;
  }

  /** Remembers the memory of the operation that was filled in, which was checked; but none that can grow or shrink. */
  remember(src: Uint8Array, dst: Uint8Array, iv: Uint8Array): void {
    if (byteLengthOf(src) === 0 || canResize(src) || canResize(dst) || canResize(iv)) return;
    this.#isRemembered = true;
    this.#src = src;
    this.#dst = dst;
    this.#iv = iv;
    this.#srcEnd = byteLengthOf(src) - 1;
    this.#dstEnd = byteLengthOf(dst) - 1;
    this.#ivEnd = byteLengthOf(iv) - 1;
  }

  /**
   * Whether an operation would be over the memory that was remembered, and is still there: all is checked, and every
   * pointer in place. This is the steady state of a session, and costs no more than these comparisons: a view whose
   * memory was detached has no last byte, and none can pretend that it has one.
   */
  isOver(src: Uint8Array, dst: Uint8Array, iv: Uint8Array | undefined): boolean {
    return (
      this.#isRemembered &&
      src === this.#src &&
      dst === this.#dst &&
      iv === this.#iv &&
      src[this.#srcEnd] !== undefined &&
      dst[this.#dstEnd] !== undefined &&
      (this.#iv as Uint8Array)[this.#ivEnd] !== undefined
    );
  }

  /** The same operation once more, in this direction. */
  again(op: number): Call<typeof crypt_op> {
    const call = this.#call;
    call.setUint16(call.offset.op, op);
    call.setUint16(call.offset.flags, 0);
    return call;
  }

  /** Lets go of the last operation's buffers. */
  release(): void {
    this.#call.release();
    this.#isRemembered = false;
    this.#src = undefined;
    this.#dst = undefined;
    this.#iv = undefined;
  }
}
