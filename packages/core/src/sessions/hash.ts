import { COP_ENCRYPT, COP_FLAG_FINAL, COP_FLAG_RESET, COP_FLAG_UPDATE } from "../abi/constants.ts";
import { CIOCCPHASH } from "../abi/ioctls.ts";
import type { HashName, KeyedMacName, MacName, NamedMac } from "../algorithms/catalogue.ts";
import { checkRoom, checkSizes } from "../checks.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import type { KernelSession } from "../kernel/kernel_session.ts";
import { CryptOperation } from "../kernel/operation.ts";
import { equalInConstantTime, partOf, sizeOf, wipe } from "../memory/bytes.ts";
import { Call } from "../memory/call.ts";
import { Session } from "./session.ts";
import { startMac } from "./start.ts";

/**
 * Has another session of the same algorithm continue the message of one (CIOCCPHASH). It is not a method, because
 * programs could call that with sessions of two algorithms.
 */
let copyState: (from: MessageSession, to: MessageSession) => void;

/** The common base of {@link Hash} and {@link Hmac}. One session computes any number of digests, one after the other. */
export abstract class MessageSession extends Session {
  static {
    copyState = (from, to) => from.#copyTo(to);
  }

  readonly #mac: NamedMac<MacName>;
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
  protected constructor(kernel: KernelSession, mac: NamedMac<MacName>) {
    super(kernel);
    this.#mac = mac;
    this.#chunkSize = kernel.file.options.chunkSize;
    this.#kernel = kernel;
    this.#operation = new CryptOperation(kernel, { name: mac.name, ivSize: 0, macSize: mac.digestSize });
  }

  /** Bytes in a digest. */
  get digestSize(): number {
    return this.#mac.digestSize;
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
    this.#kernel.requireOpen();
    this.#update(data, size);
    return this;
  }

  /**
   * Ends the message and returns its digest in new memory. Then the session is ready for the next message.
   *
   * @param data - the last part of the message, or all of it: both take one call to the kernel
   * @returns {@link MessageSession.digestSize} bytes
   * @throws {TypeError} if `data` is not a Uint8Array, or its buffer was detached
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation; this ends the session, because the message is lost
   */
  digest(data?: Uint8Array): Uint8Array<ArrayBuffer> {
    const { digestSize, name } = this.#mac;
    const size = data === undefined ? 0 : sizeOf(data, "data", name);
    this.#kernel.requireOpen();
    const digest = new Uint8Array(digestSize);
    this.#finish(digest, data, size);
    return digest;
  }

  /**
   * Ends the message and writes its digest to existing memory.
   *
   * @param destination - at least {@link MessageSession.digestSize} bytes
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
      this.#kernel.requireOpen();
      try {
        operation.again(COP_ENCRYPT, this.#size);
      } catch (error) {
        this.#lose(error);
      }
      return digestSize;
    }
    checkRoom(destination, digestSize, "destination", name);
    const size = data === undefined ? 0 : sizeOf(data, "data", name);
    this.#kernel.requireOpen();
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
    this.#send(this.#running ? COP_FLAG_FINAL : 0, data ?? null, before, size, destination);
    this.#running = false;
  }

  #copyTo(copy: MessageSession): void {
    // Between messages there is no state to copy, and a finished state must not be copied.
    if (!this.#running) return;
    const { file } = this.#kernel;
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
  }

  /** Adds the first `size` bytes to the message, in as many calls as necessary. */
  #update(data: Uint8Array, size: number): void {
    // The driver treats an UPDATE without data as the end of the message; this loop never sends one.
    for (let done = 0; done < size; done += this.#chunkSize) {
      const end = Math.min(done + this.#chunkSize, size);
      this.#send(COP_FLAG_UPDATE | (this.#running ? 0 : COP_FLAG_RESET), data, done, end, null);
      this.#running = true;
    }
  }

  /** Sends the bytes of `data` from `start` to `end`. */
  #send(flags: number, data: Uint8Array | null, start: number, end: number, digest: Uint8Array | null): void {
    try {
      // A trace of an earlier part can detach the data.
      const part = start === 0 ? data : partOf(data as Uint8Array, start, end);
      this.#operation.run(COP_ENCRYPT, flags, part, end - start, null, null, digest);
    } catch (error) {
      this.#lose(error);
    }
  }

  /** If a part of a message cannot be processed, the message is lost and its state must not be continued. */
  #lose(error: unknown): never {
    this.#kernel.end("it was closed when a part of its message could not be processed");
    throw error;
  }
}

/**
 * A session that hashes. {@link Device.hash} starts it.
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
export class Hash extends MessageSession {
  readonly #kernel: KernelSession;
  readonly #mac: NamedMac<HashName>;

  private constructor(kernel: KernelSession, mac: NamedMac<HashName>) {
    super(kernel, mac);
    this.#kernel = kernel;
    this.#mac = mac;
  }

  /** @internal */
  static start(file: DeviceFile, mac: NamedMac<HashName>): Hash {
    return new Hash(startMac(file, mac, undefined), mac);
  }

  /** The hash's name. */
  get name(): HashName {
    return this.#mac.name;
  }

  /**
   * Starts a second session that continues the message of this one (CIOCCPHASH).
   *
   * @returns the new session
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   * @example
   * ```ts
   * import { open } from "cryptodev";
   *
   * const device = open({ backend: "auto" });
   * const common = device.hash("sha256").update(new TextEncoder().encode("a common beginning, "));
   * const one = common.copy().digest(new TextEncoder().encode("one end"));
   * const other = common.digest(new TextEncoder().encode("another end"));
   * console.log(one.length + other.length); // 64
   * device.close();
   * ```
   */
  copy(): Hash {
    this.#kernel.requireOpen();
    const copy = Hash.start(this.#kernel.file, this.#mac);
    copyState(this, copy);
    return copy;
  }
}

/**
 * A session that computes an HMAC (RFC 2104). {@link Device.hmac} starts it.
 *
 * @example
 * ```ts
 * import { open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const hmac = device.hmac("sha256", crypto.getRandomValues(new Uint8Array(32)));
 * const message = new TextEncoder().encode("message");
 * const mac = hmac.digest(message);
 * console.log(hmac.verify(message, mac)); // true
 * device.close();
 * ```
 */
export class Hmac extends MessageSession {
  readonly #kernel: KernelSession;
  readonly #mac: NamedMac<KeyedMacName>;
  /** The mac that {@link Hmac.verify} computed. */
  readonly #computed: Uint8Array<ArrayBuffer>;

  private constructor(kernel: KernelSession, mac: NamedMac<KeyedMacName>) {
    super(kernel, mac);
    this.#kernel = kernel;
    this.#mac = mac;
    this.#computed = new Uint8Array(new ArrayBuffer(mac.digestSize));
  }

  /** @internal */
  static start(file: DeviceFile, mac: NamedMac<KeyedMacName>, key: Uint8Array): Hmac {
    return new Hmac(startMac(file, mac, key), mac);
  }

  /** The mac's name: `hmac-` followed by that of the hash. */
  get name(): KeyedMacName {
    return this.#mac.name;
  }

  /**
   * Ends the message and compares its mac with an expected one, in constant time. Then the session is ready for the next
   * message.
   *
   * @param data - the last part of the message, or all of it
   * @param mac - {@link MessageSession.digestSize} bytes: the expected mac, not a shortened one
   * @returns whether they are equal
   * @throws {TypeError} if an argument is not a Uint8Array, or its buffer was detached
   * @throws {RangeError} if the mac has the wrong size
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation; this ends the session, because the message is lost
   */
  verify(data: Uint8Array, mac: Uint8Array): boolean {
    const { digestSize, name } = this.#mac;
    const computed = this.#computed;
    sizeOf(data, "data", name);
    checkSizes(mac, [digestSize], "mac", name, data, "data, mac");
    super.digestInto(computed, data);
    const isEqual = equalInConstantTime(computed, mac);
    wipe(computed, digestSize);
    return isEqual;
  }

  /**
   * Starts a second session that continues the message of this one (CIOCCPHASH).
   *
   * @param key - the key of this session, which does not keep it
   * @returns the new session
   * @throws {TypeError} if the key is not a Uint8Array
   * @throws {RangeError} if the key is longer than 512 bytes
   * @throws {ClosedError} if the session has ended
   * @throws {CryptodevError} if the kernel refuses the operation
   */
  copy(key: Uint8Array): Hmac {
    this.#kernel.requireOpen();
    const copy = Hmac.start(this.#kernel.file, this.#mac, key);
    copyState(this, copy);
    return copy;
  }
}
