import type { Ioctl } from "../abi/ioctl.ts";
import { CIOCCRYPT } from "../abi/ioctls/CIOCCRYPT.ts";
import type { crypt_op } from "../abi/structs/crypt_op.ts";
import { byteLengthOf } from "../bytes.ts";
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
  #srcSize = 0;
  #dstSize = 0;
  #ivSize = 0;

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

  /** Remembers the memory of the operation that was filled in, which was checked. */
  remember(src: Uint8Array, dst: Uint8Array, iv: Uint8Array): void {
    this.#isRemembered = true;
    this.#src = src;
    this.#dst = dst;
    this.#iv = iv;
    this.#srcSize = byteLengthOf(src);
    this.#dstSize = byteLengthOf(dst);
    this.#ivSize = byteLengthOf(iv);
  }

  /**
   * Whether an operation would be over the memory that was remembered, as long as it was then: all is checked, and every
   * pointer in place. This is the steady state of a session, and costs no more than these comparisons.
   */
  isOver(src: Uint8Array, dst: Uint8Array, iv: Uint8Array | undefined): boolean {
    return (
      this.#isRemembered &&
      src === this.#src &&
      dst === this.#dst &&
      iv === this.#iv &&
      byteLengthOf(src) === this.#srcSize &&
      byteLengthOf(dst) === this.#dstSize &&
      byteLengthOf(this.#iv as Uint8Array) === this.#ivSize
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
