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
import { type Argument, copyInto, type Result } from "@cryptodev/core/host";
import { Crash } from "../crash.ts";
import { Errno } from "../errno.ts";
import { isResult, targetOf } from "../user/argument_memory.ts";
import { copyFromUser, copyToUser, type Memory, PIECE } from "../user/memory.ts";
import type { UserStruct } from "../user/user_struct.ts";
import { type Answer, type Handler, requireSize, type WriteBack, writeBack } from "./handler.ts";
import type { DriverSession } from "./session.ts";
import { areReachable, complete, inPieces, type Pace, type Slices, shortSize } from "./slices.ts";
import { crashAt, listedPages, MAX_PAGES, PAGE, requireWritable, writeThrough } from "./zero_copy.ts";

/** Less data is not worth the way to another thread. */
const MIN_BULK = 2 ** 15;

/** Whether an operation ends the message of a hash. An UPDATE without data does so too. */
function endsMessage(flags: number, len: number): boolean {
  return (flags & COP_FLAG_FINAL) !== 0 || (flags & COP_FLAG_UPDATE) === 0 || len === 0;
}

/** Where the data of an operation is. */
interface Data {
  readonly decrypt: boolean;
  readonly src: number;
  readonly dst: number;
  readonly len: number;
  readonly isInPlace: boolean;
}

/** Whether an address is aligned. An alignmask is one less than a power of two; `%` would be that of doubles. */
function isMultiple(address: number, alignmask: number): boolean {
  return (address & alignmask) === 0;
}

/** Whether the driver can list all pages. */
function isListed({ src, dst, len }: Data): boolean {
  return listedPages(src, len, dst, dst === 0 ? 0 : len) <= MAX_PAGES;
}

/** One operation of a `crypt_op`, as it was submitted: the driver's `kernel_crypt_op`. */
export class KernelCryptOp {
  readonly #argument: UserStruct<typeof crypt_op>;
  readonly #memory: Memory;
  readonly #session: DriverSession;
  readonly #pace: Pace | undefined;
  /** Data of at most this many bytes is processed at once. */
  readonly #short: number;
  /** The iv that the caller passed; `undefined` if the operation continues from the session's own. */
  #iv: Uint8Array | undefined;
  #digest: Uint8Array | undefined;
  #nextIv: Uint8Array | undefined;
  #isMeaningless = false;

  /**
   * @param pace - the size of slices; if it is `undefined`, the operation does not pause
   * @throws {Errno} with `EFAULT` if the iv cannot be read
   */
  constructor(argument: UserStruct<typeof crypt_op>, memory: Memory, session: DriverSession, pace: Pace | undefined) {
    this.#argument = argument;
    this.#memory = memory;
    this.#session = session;
    this.#pace = pace;
    this.#short = shortSize(pace);
    const at = argument.offset;
    const [iv, ivSize] = [argument.getPointer(at.iv), (session.cipher ?? session.aead)?.iv.length ?? 0];
    if (iv === 0 || ivSize === 0) return;
    const len = argument.getUint32(at.len);
    if (len <= this.#short) {
      memory.prefetch?.([
        { address: iv, length: ivSize },
        { address: argument.getPointer(at.src), length: len },
      ]);
    }
    this.#iv = copyFromUser(memory, iv, ivSize, "iv");
  }

  /** Whether the digest is that of a state that was continued after it had ended, which the driver does not report. */
  get isMeaningless(): boolean {
    return this.#isMeaningless;
  }

  /** Whether source and destination are aligned for a driver with this alignmask. */
  isAligned(alignmask: number): boolean {
    const { src, dst } = this.#argument.offset;
    return (
      isMultiple(this.#argument.getPointer(src), alignmask) && isMultiple(this.#argument.getPointer(dst), alignmask)
    );
  }

  /**
   * Runs the operation. The digest and the iv are kept until {@link KernelCryptOp.deliver}; the data is written at
   * once.
   *
   * @param alignmask - misaligned data is copied first, which the flags report to the caller
   * @returns the rest of the work, if the data is long and there is a pace
   */
  run(alignmask: number): Slices<void> | undefined {
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
    if (!this.isAligned(alignmask) && len > 0) argument.setUint16(at.flags, flags | COP_FLAG_NO_ZC);

    if (len > this.#short) {
      const work = this.#inSlices(flags);
      if (this.#pace !== undefined) return work;
      complete(work);
    } else {
      if (len > 0) this.#atOnce();
      this.#end(flags);
    }
    return undefined;
  }

  /** Keeps what is to be delivered. @param flags - those that the caller passed */
  #end(flags: number): void {
    const { cipher, mac } = this.#session;
    const at = this.#argument.offset;
    const len = this.#argument.getUint32(at.len);
    const ends = endsMessage(flags, len);
    if (ends) this.#digest ??= mac?.digest();
    this.#isMeaningless = ends && mac?.isMeaningless === true;
    if (this.#iv !== undefined && (flags & COP_FLAG_WRITE_IV) !== 0) this.#nextIv = cipher?.iv ?? this.#iv;
    this.#session.usage.add(this.#isDecrypting(), len);
  }

  /** Keeps the next iv as it is: before it is delivered, another operation may change the session's. */
  retain(): void {
    this.#nextIv = this.#nextIv?.slice();
  }

  /** Writes the digest and the next iv to where the struct's pointers point. */
  deliver(): void {
    const { mac, iv } = this.#argument.offset;
    if (this.#digest !== undefined) copyToUser(this.#memory, this.#argument.getPointer(mac), this.#digest, "mac");
    if (this.#nextIv !== undefined) copyToUser(this.#memory, this.#argument.getPointer(iv), this.#nextIv, "iv");
  }

  #isDecrypting(): boolean {
    return this.#argument.getUint16(this.#argument.offset.op) === COP_DECRYPT;
  }

  #isCopied(): boolean {
    return (this.#argument.getUint16(this.#argument.offset.flags) & COP_FLAG_NO_ZC) !== 0;
  }

  /** Reads the struct's pointers and the length of the data. */
  #data(): Data {
    const at = this.#argument.offset;
    const [src, dst] = [this.#argument.getPointer(at.src), this.#argument.getPointer(at.dst)];
    return { decrypt: this.#isDecrypting(), src, dst, len: this.#argument.getUint32(at.len), isInPlace: src === dst };
  }

  /** Processes short data, whose pages the driver can always list. */
  #atOnce(): void {
    const data = this.#data();
    const { decrypt, src, dst, len, isInPlace } = data;
    if (this.#isCopied()) {
      complete(this.#copying(data));
      return;
    }
    if (src === 0) throw new Crash("src-null");
    const memory = this.#memory;
    const whole = memory.read(src, len);
    if (whole === undefined || (isInPlace && !memory.isWritable(dst, len))) {
      complete(this.#copying(data));
      return;
    }
    const from = this.#sourceOf(data);
    if (this.#hashesDestination(data) && !memory.isReadable(dst, len)) throw crashAt(memory, dst);
    const source = from === src ? whole : copyFromUser(memory, from, len, "src");
    const result = this.#session.process(decrypt, source, false);
    if (result !== undefined) writeThrough(memory, dst, result, isInPlace ? "EFAULT" : undefined);
  }

  *#inSlices(flags: number): Slices<void> {
    const data = this.#data();
    if (this.#isCopied()) yield* this.#copying(data);
    else yield* this.#zeroCopy(data, flags);
    this.#end(flags);
  }

  /**
   * Works on the caller's own pages; if the driver cannot list them, or cannot get those of the source, it copies
   * instead.
   */
  *#zeroCopy(data: Data, flags: number): Slices<void> {
    const { decrypt, src, dst, len, isInPlace } = data;
    if (src === 0) throw new Crash("src-null");
    const memory = this.#memory;
    if (!isListed(data) || !(yield* areReachable(memory, src, len, isInPlace))) {
      yield* this.#copying(data);
      return;
    }
    const from = this.#sourceOf(data);
    if (this.#hashesDestination(data) && !(yield* areReachable(memory, dst, len, false))) throw crashAt(memory, dst);
    const done = yield* this.#elsewhere(from, data, flags);
    yield* inPieces(len - done, this.#pace, (start, size) => {
      const at = done + start;
      const result = this.#session.process(decrypt, copyFromUser(memory, from + at, size, "src"), at > 0);
      if (result !== undefined) writeThrough(memory, dst + at, result, isInPlace ? "EFAULT" : undefined);
    });
  }

  /**
   * Offers the data to another thread. A state of a hash cannot be passed to it, so it gets only whole messages.
   *
   * @returns how much it has processed
   */
  *#elsewhere(from: number, { decrypt, dst, len }: Data, flags: number): Slices<number> {
    const { cipher, mac } = this.#session;
    const isWhole = (flags === 0 || (flags & COP_FLAG_RESET) !== 0) && endsMessage(flags, len);
    if (this.#pace === undefined || len < MIN_BULK || (mac !== undefined && !isWhole)) return 0;
    const result = yield {
      decrypt,
      from,
      to: dst,
      length: len,
      cipher: cipher === undefined ? undefined : { id: cipher.driver.algorithm.id, key: cipher.key, iv: cipher.iv },
      mac: mac === undefined ? undefined : { id: mac.driver.algorithm.id, key: mac.key },
    };
    if (result === undefined) return 0;
    if (mac !== undefined) {
      if (result.done < len) throw new Errno("EFAULT", "src or dst can no longer be accessed");
      mac.end();
      this.#digest = result.digest;
    }
    if (result.iv !== undefined) cipher?.iv.set(result.iv);
    return result.done;
  }

  /**
   * Checks the destination, unless it is the source. A hash needs none, but if one is given, the driver gets its pages,
   * and hashes them when it decrypts.
   *
   * @returns the address of the data to be processed
   * @throws {Crash} if not all of the destination is writable
   */
  #sourceOf(data: Data): number {
    const { decrypt, src, dst, len, isInPlace } = data;
    const isHash = this.#session.cipher === undefined;
    if (!isInPlace && (!isHash || this.#hashesDestination(data))) requireWritable(this.#memory, dst, len);
    return isHash && decrypt ? dst : src;
  }

  /** Whether the driver also gets the pages of a hash's destination for reading. */
  #hashesDestination({ decrypt, dst, isInPlace }: Data): boolean {
    return this.#session.cipher === undefined && !isInPlace && (dst !== 0 || decrypt);
  }

  /**
   * Copies through one page of the driver's own. Here a bad address is only an error, and the pages before it have been
   * processed.
   */
  *#copying({ decrypt, src, dst, len }: Data): Slices<void> {
    for (let done = 0; done < len; done += PAGE) {
      const size = Math.min(PAGE, len - done);
      const page = copyFromUser(this.#memory, src + done, size, "src");
      const result = this.#session.process(decrypt, page, false);
      if (result !== undefined) copyToUser(this.#memory, dst + done, result, "dst");
      yield;
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

/**
 * Carries out what most calls ask for: one cipher over short data, for a caller in this process. It does the same as a
 * {@link KernelCryptOp}, but keeps nothing, and does not copy the struct, because it does not change it.
 *
 * @returns `false` if the call asks for something else; then nothing has been done
 */
function cryptInReach(argument: Argument<typeof crypt_op>, session: DriverSession, alignmask: number): boolean {
  const { cipher, mac } = session;
  const at = argument.offset;
  const op = argument.getUint16(at.op);
  const flags = argument.getUint16(at.flags);
  const len = argument.getUint32(at.len);
  if (cipher === undefined || mac !== undefined || op > COP_DECRYPT || (flags & COP_FLAG_NO_ZC) !== 0) return false;
  if (len === 0 || len > PIECE || len % cipher.blockSize !== 0 || alignmask !== 0) return false;
  const ivSize = cipher.iv.length;
  const iv = ivSize === 0 ? null : targetOf(argument, at.iv, ivSize);
  const data = targetOf(argument, at.src, len) ?? undefined;
  const isCreated = isResult(argument, at.dst, len);
  const destination = isCreated ? null : (targetOf(argument, at.dst, len) ?? undefined);
  if (iv === undefined || data === undefined || destination === undefined) return false;
  if (iv !== null) copyInto(cipher.iv, iv);
  const result = cipher.crypt(op === COP_DECRYPT, data);
  if (destination === null) (argument.result as Result).bytes = result;
  else copyInto(destination, result);
  if (iv !== null && (flags & COP_FLAG_WRITE_IV) !== 0) copyInto(iv, cipher.iv);
  session.usage.add(op === COP_DECRYPT, len);
  return true;
}

/** CIOCCRYPT encrypts, decrypts or hashes. */
export const cioccrypt: Handler<typeof crypt_op> = {
  ioctl: CIOCCRYPT,
  answerInReach(argument, { file }, context) {
    const { ses, len } = argument.offset;
    const session = file.find(argument.getUint32(ses));
    requireSize(argument.getUint32(len), context);
    return cryptInReach(argument, session, context.alignmask);
  },
  answer(argument, { file, memory }, context) {
    const { alignmask, data, paceOf } = context;
    const { ses, len } = argument.offset;
    const session = file.find(argument.getUint32(ses));
    const size = argument.getUint32(len);
    requireSize(size, context);
    const operation = new KernelCryptOp(argument, memory, session, paceOf(session));
    const rest = operation.run(alignmask);
    return rest === undefined ? delivered(operation) : data.during(size, inSlices(operation, rest));
  },
};

function delivered(operation: KernelCryptOp): WriteBack {
  operation.deliver();
  return writeBackOf(operation);
}

function* inSlices(operation: KernelCryptOp, rest: Slices<void>): Slices<Answer> {
  yield* rest;
  return delivered(operation);
}
