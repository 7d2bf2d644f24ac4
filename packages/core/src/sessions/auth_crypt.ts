import { CIOCAUTHCRYPT } from "../abi/ioctls/CIOCAUTHCRYPT.ts";
import type { crypt_auth_op } from "../abi/structs/crypt_auth_op.ts";
import { byteLengthOf } from "../bytes.ts";
import { Call } from "../call.ts";
import type { Channel } from "./channel.ts";
import { Prepared } from "./prepared.ts";

/** The data of one CIOCAUTHCRYPT. */
export interface AuthData {
  readonly op: number;
  readonly auth: Uint8Array | null;
  readonly authLen: number;
  readonly src: Uint8Array;
  readonly len: number;
  readonly dst: Uint8Array;
  readonly tag: Uint8Array | null;
  readonly iv: Uint8Array;
}

/** CIOCAUTHCRYPT of one session, made ready once: an operation only fills in what differs from the last. */
export class AuthCrypt extends Prepared {
  readonly #call: Call<typeof crypt_auth_op>;
  readonly #flags: number;
  readonly #tagSize: number;

  constructor(channel: Channel, flags: number, tagSize: number) {
    super();
    const call = new Call(channel.descriptor.host, CIOCAUTHCRYPT);
    call.setUint32(call.offset.ses, channel.id);
    channel.onEnd(() => {
      call.release();
      this.release();
    });
    this.#call = call;
    this.#flags = flags;
    this.#tagSize = tagSize;
  }

  /** Fills in an operation. What is `null` becomes a NULL pointer. */
  prepare({ op, auth, authLen, src, len, dst, tag, iv }: AuthData): Call<typeof crypt_auth_op> {
    const call = this.#call;
    const at = call.offset;
    this.forget();
    call.setUint16(at.op, op);
    call.setUint16(at.flags, this.#flags);
    call.setUint32(at.auth_len, authLen);
    // The driver knows how long the iv is, and does not look.
    call.setUint32(at.iv_len, byteLengthOf(iv));
    call.point(at.auth_src, auth);
    call.point(at.src, src);
    call.point(at.dst, dst);
    call.point(at.iv, iv);
    return this.again(len, tag);
  }

  /** The last operation once more, with what the driver has changed of it. */
  again(len: number, tag: Uint8Array | null): Call<typeof crypt_auth_op> {
    const call = this.#call;
    const at = call.offset;
    call.setUint32(at.len, len);
    call.setUint32(at.tag_len, this.#tagSize);
    // After an AEAD operation it points where the kernel found the tag, so it is set anew in any case.
    call.point(at.tag, null);
    if (tag !== null) call.point(at.tag, tag);
    return call;
  }

  /** The length of the data after an operation, as the kernel gave it. */
  get len(): number {
    return this.#call.getUint32(this.#call.offset.len);
  }
}
