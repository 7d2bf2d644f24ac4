import { O_CLOEXEC, O_RDWR } from "./abi/constants.ts";
import { errnos } from "./abi/errno.ts";
import { CIOCFSESSION } from "./abi/ioctls/CIOCFSESSION.ts";
import { CIOCGSESSION } from "./abi/ioctls/CIOCGSESSION.ts";
import { CRIOGET } from "./abi/ioctls/CRIOGET.ts";
import { FIOCLEX } from "./abi/ioctls/FIOCLEX.ts";
import { pollfd } from "./abi/structs/pollfd.ts";
import type { session_op } from "./abi/structs/session_op.ts";
import type { u32 } from "./abi/structs/u32.ts";
import { Argument } from "./argument.ts";
import { byteLengthOf } from "./bytes.ts";
import { Call } from "./call.ts";
import { ClosedError, CryptodevError, ioctlHint, openHint } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Channel } from "./sessions/channel.ts";
import { inWords } from "./words.ts";

/** What a session starts with. Keys are read in place, and not referenced any more once the session has started. */
export interface SessionParameters {
  readonly cipher?: number;
  readonly key?: Uint8Array;
  readonly mac?: number;
  readonly mackey?: Uint8Array | undefined;
}

/** How a device is used. */
export interface DeviceOptions {
  /** Whether sessions count what they do: see {@link Session.statistics}. Not, if left out. */
  readonly statistics?: boolean | undefined;
  /**
   * The most bytes that the kernel is given in one call, a multiple of 16; 256 MiB if left out. Longer data goes in
   * several calls, with the same result.
   */
  readonly chunkSize?: number | undefined;
  /**
   * Which drivers may serve sessions: `"require"` ends a session at its start, by a `CryptodevError` with `ENODEV`, unless
   * its driver is hardware; `"allow"`, if left out, takes what the kernel gives.
   */
  readonly hardware?: "require" | "allow" | undefined;
}

/** Options of which each has a value that was looked at. */
type Checked<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> };

/** An open descriptor of the device, and the sessions that were started through it. */
export class Descriptor {
  readonly host: Host;
  readonly path: string;
  readonly options: Checked<DeviceOptions>;
  /** What is to be ended before the descriptor is. */
  readonly channels: Set<Channel> = new Set();
  readonly #startCall: Call<typeof session_op>;
  readonly #finishCall: Call<typeof u32>;
  readonly #pollfd: Argument<typeof pollfd>;
  /** Asynchronous operations that the driver has, with their memory. */
  inFlight = 0;
  #fd = -1;
  #closed = false;
  /** How many of us use the same descriptor, because it could not be cloned. */
  #share = { users: 1 };

  private constructor(host: Host, path: string, options: Checked<DeviceOptions>) {
    this.host = host;
    this.path = path;
    this.options = options;
    this.#startCall = new Call(host, CIOCGSESSION);
    this.#finishCall = new Call(host, CIOCFSESSION);
    this.#pollfd = new Argument(host, pollfd);
  }

  static open(host: Host, path: string, options: DeviceOptions): Descriptor {
    const { chunkSize = 2 ** 28, hardware = "allow", statistics = false } = options;
    // Above 512 MiB the driver warns and falls back to copying.
    if (!(chunkSize % 16 === 0 && chunkSize > 0 && chunkSize <= 2 ** 29)) {
      throw new RangeError(`chunkSize: expected a multiple of 16 bytes, at most ${2 ** 29}, got ${inWords(chunkSize)}`);
    }
    if (hardware !== "allow" && hardware !== "require") {
      throw new RangeError(`hardware: expected "allow" or "require", got ${inWords(hardware)}`);
    }
    // All that can fail otherwise goes before: a descriptor that is open belongs to somebody.
    const descriptor = new Descriptor(host, path, { chunkSize, hardware, statistics });
    const fd = host.open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) throw new CryptodevError({ errno: -fd, syscall: "open", path, hint: openHint(-fd) });
    descriptor.#fd = fd;
    return descriptor;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether any of these events is ready. */
  isReady(events: number): boolean {
    const { offset } = this.#pollfd;
    this.#pollfd.setUint32(offset.fd, this.#fd);
    this.#pollfd.setUint16(offset.events, events);
    return this.host.poll(this.#pollfd, 0) > 0;
  }

  /** Sends an ioctl. @returns what the driver returned, which is not negative */
  ioctl(call: Call, hintOf: (errno: number) => string = ioctlHint): number {
    this.#requireOpen();
    const result = this.host.ioctl(this.#fd, call.request, call);
    if (result < 0) throw this.refusal(-result, call.ioctl.name, hintOf(-result));
    return result;
  }

  /** What to throw when an ioctl was refused. */
  refusal(errno: number, ioctl: string, hint: string = ioctlHint(errno)): CryptodevError {
    return new CryptodevError({ errno, syscall: "ioctl", ioctl, path: this.path, hint });
  }

  /** Tells of a mistake from where no error may come: a host that cannot is not a second mistake. */
  warn(message: string): void {
    try {
      this.host.warn(message);
    } catch {}
  }

  #requireOpen(): void {
    if (this.#closed) throw new ClosedError(`${this.path}: the device was closed`);
  }

  /** Starts a session. @returns its id */
  start({ cipher = 0, key, mac = 0, mackey }: SessionParameters, einvalHint: string): number {
    const call = this.#startCall;
    const at = call.offset;
    call.setUint32(at.cipher, cipher);
    call.setUint32(at.mac, mac);
    call.setUint32(at.keylen, key === undefined ? 0 : byteLengthOf(key));
    call.setUint32(at.mackeylen, mackey === undefined ? 0 : byteLengthOf(mackey));
    try {
      call.point(at.key, key ?? null);
      call.point(at.mackey, mackey ?? null);
      this.ioctl(call, (errno) => (errno === errnos.EINVAL ? einvalHint : ioctlHint(errno)));
      return call.getUint32(at.ses);
    } finally {
      call.release();
    }
  }

  /**
   * Ends a session (CIOCFSESSION). It cannot fail in a way that matters: to the driver an unknown id is no error, and
   * where the descriptor is gone, so are its sessions.
   */
  finish(id: number): void {
    if (this.#closed) return;
    this.#finishCall.setUint32(this.#finishCall.offset.value, id);
    this.host.ioctl(this.#fd, this.#finishCall.request, this.#finishCall);
  }

  /** A second descriptor of the same open device: it sees the same sessions. Closed on exec, as the first. */
  clone(): Descriptor {
    this.#requireOpen();
    const clone = new Descriptor(this.host, this.path, this.options);
    const call = new Call(this.host, CRIOGET);
    const result = this.host.ioctl(this.#fd, call.request, call);
    if (result === -errnos.EOPNOTSUPP) {
      // A device that is served by another process cannot put a descriptor into ours. Both of us use this one then.
      this.#share.users += 1;
      clone.#share = this.#share;
      clone.#fd = this.#fd;
      return clone;
    }
    if (result < 0) throw this.refusal(-result, CRIOGET.name);
    const fd = call.getUint32(call.offset.value) | 0;
    // Without a free descriptor the driver stores the error there and returns success.
    if (fd < 0) throw this.refusal(-fd, CRIOGET.name, openHint(-fd));
    const closing = this.host.ioctl(fd, FIOCLEX[this.host.machine.requests], null);
    if (closing < 0) {
      this.host.close(fd);
      throw this.refusal(-closing, "FIOCLEX");
    }
    clone.#fd = fd;
    return clone;
  }

  /** Ends all sessions and closes. Once closed, nothing is sent to this number again: it may be another file by then. */
  close(): void {
    if (this.#closed) return;
    // The driver would go on with operations of sessions that it has freed.
    if (this.inFlight > 0) {
      const hint = `${this.inFlight} asynchronous operations are in flight; await them first`;
      throw new CryptodevError({ errno: errnos.EBUSY, syscall: "close", path: this.path, hint });
    }
    let result = 0;
    try {
      for (const channel of this.channels) channel.end("its device was closed");
    } finally {
      this.#closed = true;
      this.#share.users -= 1;
      if (this.#share.users === 0) result = this.host.close(this.#fd);
    }
    if (result < 0) {
      const errno = -result;
      throw new CryptodevError({ errno, syscall: "close", path: this.path, hint: ioctlHint(errno) });
    }
  }
}
