import { COP_ENCRYPT, COP_FLAG_FINAL, COP_FLAG_RESET, COP_FLAG_UPDATE } from "../abi/constants.ts";
import { CIOCCPHASH } from "../abi/ioctls.ts";
import type { MacAlgorithm } from "../abi/macs.ts";
import { checkMacKey, checkRoom } from "../checks.ts";
import type { Device } from "../device.ts";
import { asyncCall } from "../kernel/async_call.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { CryptOperation } from "../kernel/operation.ts";
import type { Submitter } from "../kernel/submitter.ts";
import { alignedMemory, CACHE_LINE } from "../memory/aligned.ts";
import { copyInto, partOf, sizeOf } from "../memory/bytes.ts";
import { Call } from "../memory/call.ts";
import { kernelSessionOf, Session } from "./session.ts";

/**
 * A session that hashes, with a key (HMAC) or without. {@link Device.hash} and {@link Device.hmac} start it.
 *
 * One session computes any number of digests, one after the other.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const sha = device.hash("sha256");
 * const whole = sha.digest(new TextEncoder().encode("abc"));
 * const inPieces = sha.update(new TextEncoder().encode("a")).update(new TextEncoder().encode("bc")).digest();
 * console.log(whole.every((byte, index) => byte === inPieces[index])); // true
 * device.close();
 * ```
 */
export class Hash extends Session {
  /** The algorithm's name: that of the hash, or `hmac-` followed by that of the hash. */
  readonly name: string;
  /** Bytes in a digest. */
  readonly digestSize: number;
  readonly #mac: MacAlgorithm;
  readonly #chunkSize: number;
  readonly #kernel: KernelSession;
  readonly #operation: CryptOperation;
  /**
   * Whether the kernel holds part of a message. A finished state is never continued, because its digest would be
   * meaningless.
   */
  #running = false;
  /** The size of the last whole message, in bytes. */
  #size = 0;

  /** @internal */
  constructor(device: Device, file: DeviceFile, mac: MacAlgorithm, key?: Uint8Array) {
    checkMacKey(key, mac);
    super(device, file, mac.name, `${mac.kernelName}`, { cipher: 0, key: undefined, mac: mac.id, mackey: key });
    this.name = mac.name;
    this.digestSize = mac.digestSize;
    this.#mac = mac;
    this.#chunkSize = file.options.chunkSize;
    this.#kernel = kernelSessionOf(this);
    this.#operation = new CryptOperation(this.#kernel, { name: mac.name, ivSize: 0, macSize: mac.digestSize });
  }

  /**
   * Hashes the next part of the message (CIOCCRYPT with UPDATE).
   *
   * @param data - any number of bytes
   * @returns this session
   * @throws {TypeError} if `data` is not a Uint8Array, or its buffer was detached
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation; this ends the session, because the message is lost
   */
  update(data: Uint8Array): this {
    const size = sizeOf(data, "data", this.#mac.name);
    this.#kernel.requireIdle();
    this.#update(data, size);
    return this;
  }

  /**
   * Ends the message and returns its digest in new memory. Then the session is ready for the next message.
   *
   * @param data - the last part of the message, or all of it: both take one call to the kernel
   * @returns {@link Hash.digestSize} bytes
   * @throws {TypeError} if `data` is not a Uint8Array, or its buffer was detached
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation; this ends the session, because the message is lost
   */
  digest(data?: Uint8Array): Uint8Array<ArrayBuffer> {
    const { digestSize, name } = this.#mac;
    const size = data === undefined ? 0 : sizeOf(data, "data", name);
    this.#kernel.requireIdle();
    const digest = new Uint8Array(digestSize);
    this.#finish(digest, data, size);
    return digest;
  }

  /**
   * Ends the message and writes its digest to existing memory.
   *
   * @param destination - at least {@link Hash.digestSize} bytes
   * @returns the number of bytes written
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if the destination is too short
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation; this ends the session, because the message is lost
   */
  digestInto(destination: Uint8Array, data?: Uint8Array): number {
    return this.#digestInto(destination, data);
  }

  #digestInto(destination: Uint8Array, data: Uint8Array | undefined): number {
    const operation = this.#operation;
    const { digestSize, name } = this.#mac;
    // Never true within a message: its parts set all pointers again.
    if (data !== undefined && operation.isOver(data, destination, undefined)) {
      this.#kernel.requireIdle();
      try {
        operation.again(COP_ENCRYPT, this.#size);
      } catch (error) {
        this.#lose(error);
      }
      return digestSize;
    }
    checkRoom(destination, digestSize, "destination", name);
    const size = data === undefined ? 0 : sizeOf(data, "data", name);
    this.#kernel.requireIdle();
    const isWhole = !this.#running && size <= this.#chunkSize;
    this.#finish(destination, data, size);
    if (isWhole && data !== undefined) {
      this.#size = size;
      operation.settleDigest(data, size, destination);
    }
    return digestSize;
  }

  /** Ends the message with the first `size` bytes of `data`. */
  #finish(destination: Uint8Array, data: Uint8Array | undefined, size: number): void {
    // If the data is too long for one call, everything but the last part.
    const before = size > this.#chunkSize ? size - this.#chunkSize : 0;
    if (data !== undefined) this.#update(data, before);
    const last = before > 0 ? partOf(data as Uint8Array, before, size) : (data ?? null);
    this.#send(this.#running ? COP_FLAG_FINAL : 0, size - before, last, destination);
    this.#running = false;
  }

  /**
   * Has the driver hash a whole message asynchronously (CIOCASYNCCRYPT).
   *
   * @param submitter - as {@link Device.submitter} returns it
   * @param data - the message. It is copied, so it may be changed at once
   * @returns {@link Hash.digestSize} bytes in new memory
   * @throws {TypeError} if `data` is not a Uint8Array, or its buffer was detached; if {@link Hash.update} has begun a
   * message
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  async digestAsync(submitter: Submitter, data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    this.#kernel.requireOpen();
    const size = sizeOf(data, "data", this.#mac.name);
    if (this.#running) throw new TypeError(`data for ${this.#mac.name}: expected a whole message, got the end of one`);
    const { host } = this.#kernel.file;
    const memory = alignedMemory(host, size, CACHE_LINE);
    copyInto(memory, partOf(data, 0, size));
    const digest = alignedMemory(host, this.#mac.digestSize, CACHE_LINE);
    const submitted: Promise<void>[] = [];
    for (let done = 0; done === 0 || done < size; done += this.#chunkSize) {
      const end = Math.min(done + this.#chunkSize, size);
      const isLast = end === size;
      const flags = (done === 0 ? COP_FLAG_RESET : 0) | (isLast ? COP_FLAG_FINAL : COP_FLAG_UPDATE);
      const src = partOf(memory, done, end);
      const rest = { dst: null, mac: isLast ? digest : null, iv: null };
      const call = asyncCall(host, this.#kernel.id, { op: COP_ENCRYPT, flags, src, ...rest });
      submitted.push(this.#kernel.submit(submitter, call, end - done));
    }
    await Promise.all(submitted);
    return digest;
  }

  /**
   * Starts a second session that continues the message of this one (CIOCCPHASH).
   *
   * @param key - for an HMAC, its key again, because a session does not keep it
   * @returns the new session
   * @throws {TypeError} if the key of an HMAC is missing, or is given for a hash without one
   * @throws {RangeError} if the key is longer than 512 bytes
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const text = (part) => new TextEncoder().encode(part);
   * const common = device.hash("sha256").update(text("the same beginning, "));
   * const [one, other] = [common.copy().digest(text("one end")), common.digest(text("another end"))];
   * console.log(one.length + other.length); // 64
   * device.close();
   * ```
   */
  copy(key?: Uint8Array): Hash {
    this.#kernel.requireIdle();
    const { file } = this.#kernel;
    const copy = new Hash(this.device, file, this.#mac, key);
    // Between messages there is no state to copy, and a finished state must not be copied.
    if (!this.#running) return copy;
    const call = new Call(file.host, CIOCCPHASH);
    call.setUint32(call.offset.dst_ses, copy.#kernel.id);
    call.setUint32(call.offset.src_ses, this.#kernel.id);
    try {
      file.send(call);
    } catch (error) {
      copy.close();
      throw error;
    }
    copy.#running = true;
    return copy;
  }

  /** Adds the first `size` bytes to the message, in as many calls as necessary. */
  #update(data: Uint8Array, size: number): void {
    // The driver treats an UPDATE without data as the end of the message; this loop never sends one.
    for (let done = 0; done < size; done += this.#chunkSize) {
      const end = Math.min(done + this.#chunkSize, size);
      const piece = size <= this.#chunkSize ? data : partOf(data, done, end);
      this.#send(COP_FLAG_UPDATE | (this.#running ? 0 : COP_FLAG_RESET), end - done, piece, null);
      this.#running = true;
    }
  }

  #send(flags: number, size: number, data: Uint8Array | null, digest: Uint8Array | null): void {
    try {
      this.#operation.run(COP_ENCRYPT, flags, data, size, null, null, digest);
    } catch (error) {
      this.#lose(error);
    }
  }

  /** If the kernel refuses part of a message, the message is lost and its state must not be continued. */
  #lose(error: unknown): never {
    this.#kernel.end("it was closed when the kernel refused a part of its message");
    throw error;
  }
}
