import {
  CIOCCRYPT,
  COP_DECRYPT,
  COP_ENCRYPT,
  COP_FLAG_FINAL,
  COP_FLAG_NO_ZC,
  COP_FLAG_RESET,
  COP_FLAG_UPDATE,
  COP_FLAG_WRITE_IV,
  type crypt_op,
} from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { Errno } from "../errno.ts";
import { copyFromUser, copyToUser, type Memory, PIECE, unreadable } from "../user/memory.ts";
import type { UserStruct } from "../user/user_struct.ts";
import { type Handler, type WriteBack, writeBack } from "./handler.ts";
import type { DriverSession } from "./session.ts";
import { crashAt, listedPages, MAX_PAGES, PAGE, requireWritable, writeThrough } from "./zero_copy.ts";

/** One operation of a `crypt_op`, as it was submitted: the driver's `kernel_crypt_op`. */
export class KernelCryptOp {
  readonly #argument: UserStruct<typeof crypt_op>;
  readonly #memory: Memory;
  readonly #session: DriverSession;
  /** The iv that the caller passed; `undefined` if the operation continues from the session's own. */
  #iv: Uint8Array | undefined;
  /** The data, if it was read together with the iv. */
  #data: Uint8Array | undefined;
  #digest: Uint8Array | undefined;
  #nextIv: Uint8Array | undefined;
  #isMeaningless = false;

  /** @throws {Errno} with `EFAULT` if the iv cannot be read */
  constructor(argument: UserStruct<typeof crypt_op>, memory: Memory, session: DriverSession) {
    this.#argument = argument;
    this.#memory = memory;
    this.#session = session;
    const at = argument.offset;
    const iv = { address: argument.getPointer(at.iv), length: (session.cipher ?? session.aead)?.iv.length ?? 0 };
    if (iv.address === 0 || iv.length === 0) return;
    const data = { address: argument.getPointer(at.src), length: argument.getUint32(at.len) };
    [this.#iv, this.#data] = memory.readAll(data.length <= PIECE ? [iv, data] : [iv]);
    if (this.#iv === undefined) throw unreadable(iv.address, iv.length, "iv");
  }

  /** Whether the digest is that of a state that was continued after it had ended, which the driver does not report. */
  get isMeaningless(): boolean {
    return this.#isMeaningless;
  }

  /** Whether source and destination are aligned for a driver with this alignmask. */
  isAligned(alignmask: number): boolean {
    const { src, dst } = this.#argument.offset;
    const multiple = alignmask + 1;
    return this.#argument.getPointer(src) % multiple === 0 && this.#argument.getPointer(dst) % multiple === 0;
  }

  /**
   * Runs the operation. The digest and the iv are kept until {@link KernelCryptOp.deliver}; the data is written at
   * once.
   *
   * @param alignmask - misaligned data is copied first, which the flags report to the caller
   */
  run(alignmask: number): void {
    const argument = this.#argument;
    const { cipher, aead, mac } = this.#session;
    const at = argument.offset;
    const op = argument.getUint16(at.op);
    const flags = argument.getUint16(at.flags);
    const len = argument.getUint32(at.len);

    if (op !== COP_ENCRYPT && op !== COP_DECRYPT) throw new Errno("EINVAL", `op is ${op}, expected 0 or 1`);
    if (flags === 0 || (flags & COP_FLAG_RESET) !== 0) mac?.reset();
    if (cipher !== undefined && len % cipher.blockSize !== 0) {
      throw new Errno("EINVAL", `len is ${len}, not a multiple of ${cipher.blockSize}`);
    }
    if (aead !== undefined && len > 0) throw new Crash("crypt-on-aead");
    if (this.#iv !== undefined) (cipher ?? aead)?.iv.set(this.#iv);

    if (len > 0) {
      const src = argument.getPointer(at.src);
      const dst = argument.getPointer(at.dst);
      if (!this.isAligned(alignmask)) argument.setUint16(at.flags, flags | COP_FLAG_NO_ZC);
      if ((argument.getUint16(at.flags) & COP_FLAG_NO_ZC) !== 0) this.#copying(op === COP_DECRYPT, src, dst, len);
      else this.#zeroCopy(op === COP_DECRYPT, src, dst, len);
    }
    // An UPDATE without data also ends the message.
    const ends = (flags & COP_FLAG_FINAL) !== 0 || (flags & COP_FLAG_UPDATE) === 0 || len === 0;
    if (ends) this.#digest = mac?.digest();
    this.#isMeaningless = ends && mac?.isMeaningless === true;
    if (this.#iv !== undefined && (flags & COP_FLAG_WRITE_IV) !== 0) this.#nextIv = (cipher?.iv ?? this.#iv).slice();
    this.#session.usage.add(op === COP_DECRYPT, len);
  }

  /** Writes the digest and the next iv to where the struct's pointers point. */
  deliver(): void {
    const { mac, iv } = this.#argument.offset;
    if (this.#digest !== undefined) copyToUser(this.#memory, this.#argument.getPointer(mac), this.#digest, "mac");
    if (this.#nextIv !== undefined) copyToUser(this.#memory, this.#argument.getPointer(iv), this.#nextIv, "iv");
  }

  /** Data is hashed before it is encrypted, or after it is decrypted. */
  #transform(decrypt: boolean, data: Uint8Array, isContinued: boolean): Uint8Array | undefined {
    const { cipher, mac } = this.#session;
    if (cipher === undefined) {
      mac?.update(data);
      return undefined;
    }
    if (!decrypt) mac?.update(data);
    const result = cipher.crypt(decrypt, data, isContinued);
    if (decrypt) mac?.update(result);
    return result;
  }

  /**
   * Works on the caller's own pages; if the driver cannot list them, or cannot get those of the source, it copies
   * instead.
   */
  #zeroCopy(decrypt: boolean, src: number, dst: number, len: number): void {
    if (src === 0) throw new Crash("src-null");
    const memory = this.#memory;
    const isInPlace = src === dst;
    const whole = len <= PIECE ? (this.#data ?? memory.read(src, len)) : undefined;
    const isListed =
      listedPages(src, len, dst, dst === 0 ? 0 : len) <= MAX_PAGES &&
      (len <= PIECE ? whole !== undefined : memory.isReadable(src, len));
    if (!isListed || (isInPlace && !memory.isWritable(dst, len))) {
      this.#copying(decrypt, src, dst, len);
      return;
    }
    const isHash = this.#session.cipher === undefined;
    // A hash needs no destination, but if one is given, the driver gets its pages, and hashes them when it decrypts.
    const hasDestination = !isHash || dst !== 0 || decrypt;
    if (hasDestination && !isInPlace) requireWritable(memory, dst, len);
    if (hasDestination && isHash && !memory.isReadable(dst, len)) throw crashAt(memory, dst);
    const from = isHash && decrypt ? dst : src;
    for (let done = 0; done < len; done += PIECE) {
      const piece =
        from === src && whole !== undefined
          ? whole
          : copyFromUser(memory, from + done, Math.min(PIECE, len - done), "src");
      const result = this.#transform(decrypt, piece, done > 0);
      if (result === undefined) continue;
      writeThrough(memory, dst + done, result, isInPlace ? "EFAULT" : undefined);
    }
  }

  /**
   * Copies through one page of the driver's own. Here a bad address is only an error, and the pages before it have been
   * processed.
   */
  #copying(decrypt: boolean, src: number, dst: number, len: number): void {
    for (let done = 0; done < len; done += PAGE) {
      const size = Math.min(PAGE, len - done);
      // A page that was written may be a part of the source, so only a single one is still as it was read.
      const page =
        size === len && this.#data !== undefined ? this.#data : copyFromUser(this.#memory, src + done, size, "src");
      const result = this.#transform(decrypt, page, false);
      if (result !== undefined) copyToUser(this.#memory, dst + done, result, "dst");
    }
  }
}

const meaninglessDigest: WriteBack = {
  warning: "the digest is meaningless: it continues a finished state, without COP_FLAG_RESET",
};

/** Returns how a call is answered whose operation has been delivered. */
export function writeBackOf({ isMeaningless }: Pick<KernelCryptOp, "isMeaningless">): WriteBack {
  return isMeaningless ? meaninglessDigest : writeBack;
}

/** CIOCCRYPT encrypts, decrypts or hashes. */
export const cioccrypt: Handler<typeof crypt_op> = {
  ioctl: CIOCCRYPT,
  answer(argument, { file, memory }, { alignmask }) {
    const session = file.find(argument.getUint32(argument.offset.ses));
    const operation = new KernelCryptOp(argument, memory, session);
    operation.run(alignmask);
    operation.deliver();
    return writeBackOf(operation);
  },
};
