import { COP_DECRYPT, COP_FLAG_AEAD_TLS_TYPE, COP_FLAG_NO_ZC, COP_FLAG_WRITE_IV } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { CIOCAUTHCRYPT, CIOCCRYPT } from "../abi/ioctls.ts";
import type { crypt_auth_op, crypt_op } from "../abi/structs.ts";
import { refuseOverlap } from "../checks.ts";
import { CryptodevError, UnsupportedError } from "../errors.ts";
import { alignedMemory, CACHE_LINE } from "../memory/aligned.ts";
import { copyInto, partOf, wipe } from "../memory/bytes.ts";
import { Call } from "../memory/call.ts";
import { type Arena, SMALL } from "./arena.ts";
import type { KernelSession } from "./kernel_session.ts";
import { PAGE } from "./limits.ts";
import { Repeated } from "./repeated.ts";
import { addressAt, lend, point, shiftBetween } from "./zero_copy.ts";

/*
 * The two ioctls that carry data. Small data is copied to the arena and back; large data is read and written by the
 * kernel where it is. Ivs, macs, tags and associated data are always small.
 */

/** What an operation has to know about its session. */
export interface OperationOptions {
  /** The algorithm's name in messages. */
  readonly name: string;
  /** Bytes in an iv. */
  readonly ivSize: number;
  /** Bytes in a mac, a digest or a detached tag. */
  readonly macSize: number;
}

/** Bits for the pointers of a call that refer to the arena, which never moves. The other pointers are NULL. */
const [DATA, DESTINATION, IV, MAC] = [1, 2, 4, 8];
/** The destination is a result that the device creates; the iv is that of a stream of data, where it is. */
const [RESULT, RUNNING_IV] = [16, 32];
/** The pointers refer to other memory. */
const FOREIGN = -1;

/**
 * Returns the first `size` bytes of memory that is longer, or has grown since it was measured. To read its elements is the
 * fastest way to find that out, and no subclass can falsify them.
 */
function measured(bytes: Uint8Array, size: number): Uint8Array {
  return bytes[size] === undefined && bytes[size - 1] !== undefined ? bytes : partOf(bytes, 0, size);
}

/** CIOCCRYPT of one session. It is prepared once, and each operation sets only what differs from the previous one. */
export class CryptOperation extends Repeated {
  readonly #session: KernelSession;
  readonly #call: Call<typeof crypt_op>;
  readonly #opAt: number;
  readonly #flagsAt: number;
  readonly #lenAt: number;
  /** The place of the iv's pointer among those of the call. */
  readonly #ivSlot: number;
  readonly #arena: Arena;
  readonly #iv: Uint8Array;
  readonly #mac: Uint8Array;
  readonly #name: string;
  readonly #isXts: boolean;
  /** What the pointers refer to: bits as above, or {@link FOREIGN}. */
  #own = 0;
  /** The alignmask of the session's driver; looked up when it is first needed. */
  #alignmask: number | undefined;

  constructor(session: KernelSession, { name, ivSize, macSize }: OperationOptions, isXts: boolean = false) {
    super();
    const { host, arena } = session.file;
    this.#session = session;
    this.#call = new Call(host, CIOCCRYPT);
    this.#opAt = this.#call.offset.op;
    this.#flagsAt = this.#call.offset.flags;
    this.#lenAt = this.#call.offset.len;
    this.#ivSlot = this.#call.offset.iv / this.#call.pointerSize;
    this.#call.setUint32(this.#call.offset.ses, session.id);
    this.#arena = arena;
    this.#iv = arena.iv(ivSize);
    this.#mac = arena.mac(macSize);
    this.#name = name;
    this.#isXts = isXts;
    session.onEnd(() => {
      this.#call.release();
      this.letGo();
    });
  }

  /**
   * Carries out an operation over the first `size` bytes of `source`.
   *
   * @param destination - `null` for a hash
   * @param iv - `null` to continue from the session's own iv; with WRITE_IV the next iv is written back to it
   * @param mac - receives the digest; `null` if the operation does not return one
   */
  run(
    op: number,
    flags: number,
    source: Uint8Array | null,
    size: number,
    destination: Uint8Array | null,
    iv: Uint8Array | null,
    mac: Uint8Array | null,
  ): void {
    const call = this.#call;
    const data = size === 0 || size > SMALL ? 0 : destination === null ? DATA : DATA | DESTINATION;
    this.forget();
    this.#pointAtOwn(data | (iv === null ? 0 : IV) | (mac === null ? 0 : MAC));
    if (iv !== null) copyInto(this.#iv, iv);
    call.setUint16(this.#opAt, op);
    call.setUint16(this.#flagsAt, flags);
    call.setUint32(this.#lenAt, size);
    if (size > SMALL) {
      this.#lent(source as Uint8Array, size, destination);
    } else {
      if (data !== 0) copyInto(this.#arena.data, measured(source as Uint8Array, size));
      this.#session.operate(call, size);
      if ((data & DESTINATION) !== 0) copyInto(destination as Uint8Array, this.#arena.first(size));
    }
    if (iv !== null && (flags & COP_FLAG_WRITE_IV) !== 0) copyInto(iv, this.#iv);
    if (mac !== null) copyInto(mac, this.#mac);
  }

  /**
   * Checks data that is passed in several operations, each of which shows only a part of it.
   *
   * @throws {RangeError} if source and destination share memory and do not start together
   */
  checkWhole(source: Uint8Array, size: number, destination: Uint8Array): void {
    if ((this.#shiftBetween(source, size, destination, size) ?? 0) !== 0) refuseOverlap(this.#name);
  }

  /** Whether the first bytes of two views share memory, even if they are views of different buffer objects. */
  shareMemory(one: Uint8Array, oneSize: number, other: Uint8Array, otherSize: number): boolean {
    return this.#shiftBetween(one, oneSize, other, otherSize) !== undefined;
  }

  #shiftBetween(one: Uint8Array, oneSize: number, other: Uint8Array, otherSize: number): number | undefined {
    this.forget();
    this.#own = 0;
    return shiftBetween(this.#call, one, oneSize, other, otherSize);
  }

  /** Whether the device can pass on memory: see {@link CryptOperation.create}. */
  get creates(): boolean {
    return this.#call.result !== undefined;
  }

  /**
   * Carries out an operation into new memory: that in which the device computes the result, if it can pass it on.
   *
   * @param iv - with WRITE_IV, it belongs to the library, and does not move
   */
  create(op: number, flags: number, source: Uint8Array, size: number, iv: Uint8Array | null): Uint8Array {
    const call = this.#call;
    const { result } = call;
    // XTS may have to work on aligned memory.
    if (result === undefined || size === 0 || this.#isXts) {
      const destination = new Uint8Array(size);
      this.run(op, flags, source, size, destination, iv, null);
      return destination;
    }
    const isSmall = size <= SMALL;
    const isRunning = iv !== null && (flags & COP_FLAG_WRITE_IV) !== 0;
    this.forget();
    this.#pointAtOwn((isSmall ? DATA | RESULT : 0) | (isRunning ? RUNNING_IV : iv === null ? 0 : IV));
    if (isRunning && call.pointees[this.#ivSlot] !== iv) call.point(call.offset.iv, iv);
    else if (iv !== null && !isRunning) copyInto(this.#iv, iv);
    call.setUint16(this.#opAt, op);
    call.setUint16(this.#flagsAt, flags);
    call.setUint32(this.#lenAt, size);
    try {
      if (isSmall) {
        copyInto(this.#arena.data, measured(source, size));
        result.size = size;
      } else {
        lend(call, source, size, null, 0, this.#name);
        call.expect(call.offset.dst, size);
      }
      this.#session.operate(call, size);
      return result.bytes ?? new Uint8Array(size);
    } finally {
      result.bytes = undefined;
      if (!isSmall) {
        call.release();
        this.#own = 0;
      }
    }
  }

  /**
   * Makes pointers refer to the arena, if they do not already. Source and destination are the same, which saves one
   * address.
   */
  #pointAtOwn(own: number): void {
    if (own === this.#own) return;
    const call = this.#call;
    const at = call.offset;
    const { data } = this.#arena;
    call.point(at.src, (own & DATA) === 0 ? null : data);
    call.point(at.dst, (own & DESTINATION) === 0 ? null : data);
    if ((own & RESULT) !== 0) call.expect(at.dst, 0);
    call.point(at.iv, (own & IV) === 0 ? null : this.#iv);
    call.point(at.mac, (own & MAC) === 0 ? null : this.#mac);
    this.#own = own;
  }

  /** Works on the caller's memory. */
  #lent(source: Uint8Array, size: number, destination: Uint8Array | null): void {
    let aligned: Uint8Array | undefined;
    // Before the memory is lent: a trace of this call is code of the program.
    if (this.#isXts) this.#alignmask ??= this.#session.info().alignmask;
    try {
      lend(this.#call, source, size, destination, size, this.#name);
      if (this.#isXts && destination !== null) aligned = this.#align(source, size);
      this.#session.operate(this.#call, size);
      if (aligned !== undefined) copyInto(destination as Uint8Array, aligned);
      if (this.#isXts && destination !== null) this.#requireZeroCopy(destination, size);
    } finally {
      this.#call.release();
      this.#own = 0;
      if (aligned !== undefined) wipe(aligned, size);
    }
  }

  /**
   * Keeps the driver from copying XTS data, because it would restart the tweak with each page.
   *
   * @returns aligned memory that the operation uses instead, if the caller's is not aligned
   */
  #align(source: Uint8Array, size: number): Uint8Array | undefined {
    const call = this.#call;
    const { src, dst } = call.offset;
    const alignmask = this.#alignmask as number;
    const multiple = alignmask + 1;
    const isAligned = (at: number): boolean => addressAt(call, at) % multiple === 0;
    if (isAligned(src) && isAligned(dst)) return undefined;
    const memory = alignedMemory(this.#session.file.host, size, Math.max(alignmask, CACHE_LINE));
    copyInto(memory, partOf(source, 0, size));
    lend(call, memory, size, memory, size, this.#name);
    return memory;
  }

  #requireZeroCopy(destination: Uint8Array, size: number): void {
    if (size <= PAGE || (this.#call.getUint16(this.#flagsAt) & COP_FLAG_NO_ZC) === 0) return;
    wipe(destination, size);
    throw new UnsupportedError(
      "zero-copy",
      `${this.#name}: the driver copied ${size} bytes page by page, which makes XTS wrong from byte ${PAGE} on`,
      { remedy: `use sectors of at most ${PAGE} bytes, which are always right` },
    );
  }

  /**
   * Remembers the caller's memory after an operation. If the operation before used the same memory, the pointers refer
   * to it from now on, and {@link Repeated.isOver} returns true for it.
   */
  settle(source: Uint8Array, size: number, destination: Uint8Array, iv: Uint8Array | undefined): void {
    if (!this.recurs(source, destination, iv) || (this.#isXts && size > PAGE)) return;
    this.#own = FOREIGN;
    if (point(this.#call, source, size, destination, size) !== undefined) return;
    this.#call.point(this.#call.offset.iv, iv ?? null);
    this.ready(size, size);
  }

  /** Does the same for a message and its digest. */
  settleDigest(data: Uint8Array, size: number, digest: Uint8Array): void {
    if (!this.recurs(data, digest, undefined)) return;
    this.#own = FOREIGN;
    if (point(this.#call, data, size, null, 0) !== undefined) return;
    this.#call.point(this.#call.offset.mac, digest);
    this.ready(size, this.#mac.length);
  }

  /** Repeats the last operation in the given direction. Flags are reset, because the driver may have set some. */
  again(op: number, size: number): void {
    const call = this.#call;
    call.setUint16(this.#opAt, op);
    call.setUint16(this.#flagsAt, 0);
    this.#session.operate(call, size);
  }
}

/**
 * How many bytes to compare to find out whether the driver has begun to change memory: a block that encrypts to itself
 * does not occur in practice.
 */
const BLOCK = 16;

/** CIOCAUTHCRYPT of one session, prepared once. */
export class AuthOperation {
  /**
   * Whether the driver had begun to process the data of the last operation that failed. If the call did not reach the
   * driver, or the driver returned EINVAL before it read the data, the data is unchanged and was not found to be
   * forged.
   */
  hadBegun = false;
  /** The first bytes of the destination, as they were before the operation. */
  readonly #before = new Uint8Array(new ArrayBuffer(BLOCK));
  readonly #session: KernelSession;
  readonly #call: Call<typeof crypt_auth_op>;
  readonly #arena: Arena;
  readonly #iv: Uint8Array;
  readonly #tag: Uint8Array;
  readonly #name: string;
  /** Whether it is a TLS record, on which the driver works only in place. */
  readonly #isRecord: boolean;
  /** What the pointers of an AEAD or a TLS record refer to. {@link MAC} stands for the associated data here. */
  #own = 0;
  /** The payload of an SRTP packet in the arena, for the header size below. */
  #payload: Uint8Array;
  #headerSize = 0;

  /** @param flags - selects the form of the ioctl; 0 for an AEAD */
  constructor(session: KernelSession, { name, ivSize, macSize }: OperationOptions, flags: number) {
    const { host, arena } = session.file;
    const call = new Call(host, CIOCAUTHCRYPT);
    call.setUint32(call.offset.ses, session.id);
    call.setUint16(call.offset.flags, flags);
    // The driver ignores iv_len and uses the cipher's iv size.
    call.setUint32(call.offset.iv_len, ivSize);
    this.#session = session;
    this.#call = call;
    this.#arena = arena;
    this.#iv = arena.iv(ivSize);
    this.#tag = arena.mac(macSize);
    this.#name = name;
    this.#isRecord = flags === COP_FLAG_AEAD_TLS_TYPE;
    this.#payload = arena.data;
    session.onEnd(() => call.release());
  }

  /**
   * Seals or opens a message of an AEAD or a TLS record. If opening fails, the kernel's output is wiped.
   *
   * @param written - the most bytes that the kernel writes to the destination
   * @returns the new length of the data, as the kernel reports it
   */
  run(
    op: number,
    source: Uint8Array,
    size: number,
    destination: Uint8Array,
    written: number,
    iv: Uint8Array,
    aad: Uint8Array | undefined,
    aadSize: number,
  ): number {
    const call = this.#call;
    const at = call.offset;
    const isSmall = size <= SMALL;
    const suspect = op === COP_DECRYPT ? written : 0;
    const { data } = this.#arena;
    // A NULL pointer with a length crashes the kernel.
    const own = IV | (isSmall ? DATA : 0) | (aadSize === 0 ? 0 : MAC);
    if (own !== this.#own) {
      call.point(at.iv, this.#iv);
      call.point(at.src, isSmall ? data : null);
      call.point(at.dst, isSmall ? data : null);
      call.point(at.auth_src, aadSize === 0 ? null : this.#arena.aad);
      this.#own = own;
    }
    this.#fill(op, size, iv);
    if (aadSize > 0) copyInto(this.#arena.aad, measured(aad as Uint8Array, aadSize));
    call.setUint32(at.auth_len, aadSize);
    if (isSmall) {
      copyInto(data, measured(source, size));
    } else {
      // If the memory is refused, every pointer is NULL, and has to be set again.
      this.#own = FOREIGN;
      // The iv and the header may be in the destination, so they are read before this.
      if (this.#isRecord && source !== destination) copyInto(destination, partOf(source, 0, size));
      lend(call, this.#isRecord ? destination : source, size, destination, written, this.#name);
      if (suspect > 0) copyInto(this.#before, partOf(destination, 0, Math.min(suspect, BLOCK)));
    }
    try {
      this.#session.operate(call, size);
      const length = Math.min(call.getUint32(at.len), written);
      if (isSmall) copyInto(destination, this.#arena.first(length));
      return length;
    } catch (error) {
      if (suspect > 0) {
        const [was, is] = isSmall ? [source, data] : [this.#before, destination];
        this.#wipe(error, was, is, destination, suspect);
      }
      throw error;
    } finally {
      if (!isSmall) this.#release();
    }
  }

  /**
   * Seals or opens an SRTP packet. The driver works on it only in place.
   *
   * @param source - header and payload; to open it, also the tag
   * @param destination - room for header, payload and tag
   * @param whole - the size of these three together, in bytes
   */
  runPacket(
    op: number,
    source: Uint8Array,
    destination: Uint8Array,
    whole: number,
    headerSize: number,
    iv: Uint8Array,
  ): void {
    const call = this.#call;
    const at = call.offset;
    const size = whole - this.#tag.length;
    const isSmall = size <= SMALL;
    // The iv may be in the destination, so it is read before anything is written there.
    this.#fill(op, size - headerSize, iv);
    if (op === COP_DECRYPT) copyInto(this.#tag, partOf(source, size, whole));
    call.point(at.iv, this.#iv);
    call.point(at.tag, this.#tag);
    call.setUint32(at.auth_len, size);
    if (isSmall) {
      copyInto(this.#arena.data, partOf(source, 0, size));
      call.point(at.auth_src, this.#arena.data);
      call.point(at.src, this.#payloadAt(headerSize));
      call.point(at.dst, this.#payload);
    } else {
      if (source !== destination) copyInto(destination, partOf(source, 0, size));
      lend(call, destination, size, destination, size, this.#name);
      const payload = partOf(destination, headerSize, size);
      call.point(at.auth_src, partOf(destination, 0, size));
      call.point(at.src, payload);
      call.point(at.dst, payload);
      copyInto(this.#before, partOf(payload, 0, BLOCK));
    }
    try {
      this.#session.operate(call, size);
      if (isSmall) copyInto(destination, this.#arena.first(size));
      copyInto(partOf(destination, size, whole), this.#tag);
    } catch (error) {
      if (op === COP_DECRYPT) {
        const payload = partOf(destination, headerSize, size);
        const [was, is] = isSmall ? [partOf(source, headerSize, size), this.#payload] : [this.#before, payload];
        this.#wipe(error, was, is, payload, payload.length);
      }
      throw error;
    } finally {
      if (!isSmall) this.#release();
    }
  }

  #payloadAt(headerSize: number): Uint8Array {
    if (headerSize !== this.#headerSize) {
      this.#payload = partOf(this.#arena.data, headerSize, this.#arena.data.length);
      this.#headerSize = headerSize;
    }
    return this.#payload;
  }

  #release(): void {
    this.#call.release();
    this.#own = 0;
  }

  /** Sets what the driver changed during the last operation, and the values of this one. */
  #fill(op: number, len: number, iv: Uint8Array): void {
    const call = this.#call;
    const at = call.offset;
    copyInto(this.#iv, iv);
    call.setUint16(at.op, op);
    call.setUint32(at.len, len);
    call.setUint32(at.tag_len, this.#tag.length);
    // After an AEAD operation this field holds the address of the tag that the kernel found.
    call.setAddress(at.tag, 0);
  }

  /**
   * Wipes unauthenticated plaintext that a failed operation left in the destination and in the arena.
   *
   * @param was - the first bytes of the memory that the kernel worked on, as they were before
   * @param is - the same memory now
   */
  #wipe(error: unknown, was: Uint8Array, is: Uint8Array, destination: Uint8Array, suspect: number): void {
    this.hadBegun = !(error instanceof CryptodevError && error.errno === errnos.EINVAL);
    for (let index = 0; index < Math.min(suspect, BLOCK); index += 1) this.hadBegun ||= was[index] !== is[index];
    if (!this.hadBegun) return;
    wipe(destination, suspect);
    wipe(this.#arena.data, this.#arena.data.length);
  }
}
