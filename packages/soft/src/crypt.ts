import {
  COP_DECRYPT,
  COP_ENCRYPT,
  COP_FLAG_FINAL,
  COP_FLAG_NO_ZC,
  COP_FLAG_RESET,
  COP_FLAG_UPDATE,
  COP_FLAG_WRITE_IV,
  type crypt_op,
} from "@cryptodev/core";
import { Errno } from "./errno.ts";
import { KernelCrashError } from "./kernel_crash_error.ts";
import { copyFromUser, copyToUser, type Memory } from "./memory.ts";
import { MOST_PAGES, PAGE, pagesOf } from "./pages.ts";
import type { Session } from "./session.ts";
import type { UserStruct } from "./user_struct.ts";

/** Refuses a destination that the driver would write to without having it: what it got is not looked at. */
export function requireWritable(memory: Memory, dst: number, size: number, ioctl: string): void {
  if (size === 0 || memory.isWritable(dst, size)) return;
  if (dst === 0) throw new KernelCrashError("dst-null", ioctl);
  throw new KernelCrashError(memory.isWritable(dst, 1) ? "dst-short" : "dst-unmapped", ioctl);
}

/** Writes to a destination that was found writable; one that is so no longer is refused as if it had never been. */
export function writeThrough(memory: Memory, dst: number, bytes: Uint8Array, ioctl: string): void {
  if (memory.write(dst, bytes)) return;
  requireWritable(memory, dst, bytes.length, ioctl);
  copyToUser(memory, dst, bytes, "dst");
}

/** One operation of a `crypt_op`, as its submitter left it. */
export class CryptOperation {
  readonly #argument: UserStruct<typeof crypt_op>;
  readonly #memory: Memory;
  readonly #session: Session;
  readonly #ioctl: string;
  /** What the caller gave as iv; `undefined` where the session's own goes on. */
  #iv: Uint8Array | undefined;
  #digest: Uint8Array | undefined;
  #nextIv: Uint8Array | undefined;

  /** @throws `Errno` EFAULT where the iv cannot be read */
  constructor(argument: UserStruct<typeof crypt_op>, memory: Memory, session: Session, ioctl: string) {
    this.#argument = argument;
    this.#memory = memory;
    this.#session = session;
    this.#ioctl = ioctl;
    const address = argument.getPointer(argument.offset.iv);
    const size = (session.cipher ?? session.aead)?.iv.length ?? 0;
    if (address === 0 || size === 0) return;
    memory.expect?.(argument.getPointer(argument.offset.src), argument.getUint32(argument.offset.len));
    this.#iv = copyFromUser(memory, address, size, "iv");
  }

  /** Whether source and destination are where a driver with this alignmask can work on them. */
  isAligned(alignmask: number): boolean {
    const { src, dst } = this.#argument.offset;
    const multiple = alignmask + 1;
    return this.#argument.getPointer(src) % multiple === 0 && this.#argument.getPointer(dst) % multiple === 0;
  }

  /**
   * Computes. The results stay here until they are delivered, except for the data, which goes where it belongs.
   *
   * @param alignmask - data that does not keep to it is copied, which the caller learns from the flags
   */
  run(alignmask: number): void {
    const argument = this.#argument;
    const { cipher, aead, mac } = this.#session;
    const at = argument.offset;
    const op = argument.getUint16(at.op);
    const flags = argument.getUint16(at.flags);
    const len = argument.getUint32(at.len);

    if (op !== COP_ENCRYPT && op !== COP_DECRYPT) throw new Errno("EINVAL", `op is ${op}, neither 0 nor 1`);
    if (flags === 0 || (flags & COP_FLAG_RESET) !== 0) mac?.reset();
    if (cipher !== undefined && len % cipher.blockSize !== 0) {
      throw new Errno("EINVAL", `len is ${len}, no multiple of ${cipher.blockSize}`);
    }
    if (aead !== undefined && len > 0) throw new KernelCrashError("crypt-on-aead", this.#ioctl);
    if (this.#iv !== undefined) (cipher ?? aead)?.iv.set(this.#iv);
    mac?.requireAlive(this.#ioctl);

    if (len > 0) {
      const src = argument.getPointer(at.src);
      const dst = argument.getPointer(at.dst);
      if (!this.isAligned(alignmask)) argument.setUint16(at.flags, flags | COP_FLAG_NO_ZC);
      if ((argument.getUint16(at.flags) & COP_FLAG_NO_ZC) !== 0) this.#copying(op === COP_DECRYPT, src, dst, len);
      else this.#zeroCopy(op === COP_DECRYPT, src, dst, len);
    }
    // An UPDATE of no bytes ends the message too.
    const ends = (flags & COP_FLAG_FINAL) !== 0 || (flags & COP_FLAG_UPDATE) === 0 || len === 0;
    if (ends) this.#digest = mac?.digest();
    if (this.#iv !== undefined && (flags & COP_FLAG_WRITE_IV) !== 0) this.#nextIv = (cipher?.iv ?? this.#iv).slice();
    this.#session.usage.add(op === COP_DECRYPT, len);
  }

  /** Gives the caller what is due besides the data: digest and iv, where the struct's pointers say. */
  deliver(): void {
    const { mac, iv } = this.#argument.offset;
    if (this.#digest !== undefined) copyToUser(this.#memory, this.#argument.getPointer(mac), this.#digest, "mac");
    if (this.#nextIv !== undefined) copyToUser(this.#memory, this.#argument.getPointer(iv), this.#nextIv, "iv");
  }

  /** Hashed before it is encrypted, and after it is decrypted. */
  #transform(decrypt: boolean, data: Uint8Array): Uint8Array | undefined {
    const { cipher, mac } = this.#session;
    if (cipher === undefined) {
      mac?.update(data);
      return undefined;
    }
    if (!decrypt) mac?.update(data);
    const result = cipher.crypt(decrypt, data);
    if (decrypt) mac?.update(result);
    return result;
  }

  /** On the caller's own pages; if the driver cannot get those of the source, or list them all, it continues by copying. */
  #zeroCopy(decrypt: boolean, src: number, dst: number, len: number): void {
    if (src === 0) throw new KernelCrashError("src-null", this.#ioctl);
    const data = this.#memory.read(src, len);
    const isLong = pagesOf(src, len, dst, dst === 0 ? 0 : len) > MOST_PAGES;
    if (isLong || data === undefined || (src === dst && !this.#memory.isWritable(dst, len))) {
      this.#copying(decrypt, src, dst, len);
      return;
    }
    const { cipher, mac } = this.#session;
    // A hash needs no destination, but one that is named is fetched, and decrypting it is what is hashed.
    if (cipher !== undefined || dst !== 0 || decrypt) requireWritable(this.#memory, dst, len, this.#ioctl);
    if (cipher === undefined && decrypt) {
      mac?.update(copyFromUser(this.#memory, dst, len, "dst"));
      return;
    }
    const result = this.#transform(decrypt, data);
    if (result !== undefined) writeThrough(this.#memory, dst, result, this.#ioctl);
  }

  /** Through a page of the driver's own. Here a bad address is only an error, after the pages before it were done. */
  #copying(decrypt: boolean, src: number, dst: number, len: number): void {
    for (let done = 0; done < len; done += PAGE) {
      const page = copyFromUser(this.#memory, src + done, Math.min(PAGE, len - done), "src");
      const result = this.#transform(decrypt, page);
      if (result !== undefined) copyToUser(this.#memory, dst + done, result, "dst");
    }
  }
}
