import type { Ioctl } from "../abi/ioctl.ts";
import { CIOCCRYPT } from "../abi/ioctls/CIOCCRYPT.ts";
import type { crypt_op } from "../abi/structs/crypt_op.ts";
import { Call } from "../call.ts";
import type { Host } from "../host.ts";

/** CIOCCRYPT, or its asynchronous form, made ready once: an operation only fills in what differs from the last. */
export class Crypt {
  readonly #call: Call<typeof crypt_op>;

  constructor(host: Host, ses: number, ioctl: Ioctl<typeof crypt_op> = CIOCCRYPT) {
    this.#call = new Call(host, ioctl);
    this.#call.setUint32(this.#call.offset.ses, ses);
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
    call.setUint16(at.op, op);
    call.setUint16(at.flags, flags);
    call.setUint32(at.len, len);
    call.point(at.src, src);
    call.point(at.dst, dst);
    call.point(at.mac, mac);
    call.point(at.iv, iv);
    return call;
  }

  /** Lets go of the last operation's buffers. */
  release(): void {
    this.#call.release();
  }
}
