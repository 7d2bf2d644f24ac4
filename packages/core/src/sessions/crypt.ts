import type { Ioctl } from "../abi/ioctl.ts";
import { CIOCCRYPT } from "../abi/ioctls/CIOCCRYPT.ts";
import type { crypt_op } from "../abi/structs/crypt_op.ts";
import { Call } from "../call.ts";
import type { Host } from "../host.ts";
import type { Channel } from "./channel.ts";
import { Prepared } from "./prepared.ts";

/** CIOCCRYPT, or its asynchronous form, made ready once: an operation only fills in what differs from the last. */
export class Crypt extends Prepared {
  readonly #opAt: number;
  readonly #flagsAt: number;
  readonly #call: Call<typeof crypt_op>;

  constructor(host: Host, ses: number, ioctl: Ioctl<typeof crypt_op> = CIOCCRYPT) {
    super();
    this.#call = new Call(host, ioctl);
    this.#opAt = this.#call.offset.op;
    this.#flagsAt = this.#call.offset.flags;
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
    this.forget();
    call.setUint16(at.op, op);
    call.setUint16(at.flags, flags);
    call.setUint32(at.len, len);
    call.point(at.src, src);
    call.point(at.dst, dst);
    call.point(at.mac, mac);
    call.point(at.iv, iv);
    return call;
  }

  /** The last operation once more, in this direction, and without flags: the driver may have added some. */
  again(op: number): Call<typeof crypt_op> {
    const call = this.#call;
    call.setUint16(this.#opAt, op);
    call.setUint16(this.#flagsAt, 0);
    return call;
  }

  /** Lets go of the last operation's buffers. */
  override release(): void {
    this.#call.release();
    super.release();
  }
}
