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
} from "@cryptodev/core";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import type { Memory } from "../memory.ts";
import type { Session } from "../session.ts";

/** Without zero-copy the driver works through the data in pages, carrying the iv from one to the next. */
const PAGE = 4096;

/** The data of one operation. */
interface Data {
  readonly decrypt: boolean;
  readonly src: number;
  readonly dst: number;
  readonly len: number;
}

/** Takes `data` through the session: hashed before it is encrypted, and after it is decrypted. */
function transform({ cipher, mac }: Session, decrypt: boolean, data: Uint8Array): Uint8Array | undefined {
  if (cipher === undefined) {
    mac?.update(data);
    return undefined;
  }
  if (!decrypt) mac?.update(data);
  const result = cipher.crypt(decrypt, data);
  if (decrypt) mac?.update(result);
  return result;
}

/** On the caller's own pages. The driver checks the source's, and forgets to look at what it got for the destination's. */
function zeroCopy(session: Session, memory: Memory, { decrypt, src, dst, len }: Data): void {
  if (src === 0) throw new KernelCrashError("src-null", CIOCCRYPT.name);
  const data = memory.read(src, len);
  if (data === undefined) throw new Errno("EFAULT");
  if (session.cipher !== undefined && !memory.isWritable(dst, len)) {
    if (src === dst) throw new Errno("EFAULT");
    throw new KernelCrashError("dst-unmapped", CIOCCRYPT.name);
  }
  const result = transform(session, decrypt, data);
  if (result !== undefined) memory.write(dst, result);
}

/** Through a page of the driver's own. Here a bad address is only an error, after the pages before it were done. */
function copying(session: Session, memory: Memory, { decrypt, src, dst, len }: Data): void {
  for (let done = 0; done < len; done += PAGE) {
    const size = Math.min(PAGE, len - done);
    const page = memory.read(src + done, size);
    if (page === undefined) throw new Errno("EFAULT");
    const result = transform(session, decrypt, page);
    if (result !== undefined && !memory.write(dst + done, result)) throw new Errno("EFAULT");
  }
}

/** Encrypts, decrypts or hashes. */
export const cioccryptHandler: Handler<typeof crypt_op> = {
  ioctl: CIOCCRYPT,
  answer(argument, { file, memory }) {
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const { cipher, mac } = session;
    const op = argument.getUint16(at.op);
    const flags = argument.getUint16(at.flags);
    const len = argument.getUint32(at.len);
    const ivAddress = argument.getPointer(at.iv);
    const hasIv = ivAddress !== 0 && cipher !== undefined && cipher.iv.length > 0;

    const iv = hasIv ? memory.read(ivAddress, cipher.iv.length) : undefined;
    if (hasIv && iv === undefined) throw new Errno("EFAULT");
    if (op !== COP_ENCRYPT && op !== COP_DECRYPT) throw new Errno("EINVAL");
    if (flags === 0 || (flags & COP_FLAG_RESET) !== 0) mac?.reset();
    if (cipher !== undefined && len % cipher.driver.algorithm.blockSize !== 0) throw new Errno("EINVAL");
    if (iv !== undefined) cipher?.iv.set(iv);
    mac?.requireAlive(CIOCCRYPT.name);

    if (len > 0) {
      const data = {
        decrypt: op === COP_DECRYPT,
        src: argument.getPointer(at.src),
        dst: argument.getPointer(at.dst),
        len,
      };
      if ((flags & COP_FLAG_NO_ZC) !== 0) copying(session, memory, data);
      else zeroCopy(session, memory, data);
    }

    // An UPDATE of no bytes ends the message too.
    const ends = (flags & COP_FLAG_FINAL) !== 0 || (flags & COP_FLAG_UPDATE) === 0 || len === 0;
    if (mac !== undefined && ends && !memory.write(argument.getPointer(at.mac), mac.digest()))
      throw new Errno("EFAULT");
    if (hasIv && (flags & COP_FLAG_WRITE_IV) !== 0 && !memory.write(ivAddress, cipher.iv)) throw new Errno("EFAULT");
    argument.writeBack();
  },
};
