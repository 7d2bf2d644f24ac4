import { O_CLOEXEC, O_RDWR } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { type Ioctl, requestNumber } from "../abi/ioctl.ts";
import { CIOCAUTHCRYPT, CIOCCPHASH, CIOCCRYPT, CIOCFSESSION, CIOCGSESSION, CRIOGET, FIOCLEX } from "../abi/ioctls.ts";
import { pollfd, type session_op, type u32 } from "../abi/structs.ts";
import { ClosedError, CryptodevError, compatHint, ioctlHint, openHint } from "../errors.ts";
import type { Host } from "../host.ts";
import { Argument } from "../memory/argument.ts";
import { byteLengthOf, copyInto, partOf, wipe } from "../memory/bytes.ts";
import { Call } from "../memory/call.ts";
import { option } from "../options.ts";
import { inWords } from "../words.ts";
import { Arena } from "./arena.ts";
import type { KernelSession } from "./kernel_session.ts";
import { LONGEST_CHUNK } from "./limits.ts";

/** What a session starts with. Each member is there: what is missing from an object could come from its prototype. */
export interface SessionParameters {
  readonly cipher: number;
  readonly key: Uint8Array | undefined;
  readonly mac: number;
  readonly mackey: Uint8Array | undefined;
}

/** How a device is used. */
export interface DeviceOptions {
  /** Whether sessions count what they do: see {@link Session.statistics}. Defaults to `false`. */
  readonly statistics?: boolean | undefined;
  /**
   * The most bytes that the kernel is given in one call, a multiple of 16. Longer data goes in several calls, with the same
   * result. Defaults to 128 MiB, which is the most that the driver always takes without copying.
   */
  readonly chunkSize?: number | undefined;
  /**
   * Which drivers may serve sessions: `"require"` ends a session at its start, by a `CryptodevError` with `ENODEV`, unless
   * its driver is hardware; `"allow"`, the default, takes what the kernel gives.
   */
  readonly hardware?: "require" | "allow" | undefined;
}

/** Options of which each has a value that was looked at. */
type Checked<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> };

/** Without a compat handler: a 64-bit kernel does not pass them on from a 32-bit process. */
const nativeIoctls: readonly Ioctl[] = [CIOCAUTHCRYPT, CIOCCPHASH];

/** An open descriptor of the device, and the sessions that were started through it. */
export class DeviceFile {
  readonly host: Host;
  readonly path: string;
  readonly options: Checked<DeviceOptions>;
  /** Memory of our own that small data is copied through. */
  readonly arena: Arena;
  /** What is to be ended before the descriptor is. */
  readonly sessions: Set<KernelSession> = new Set();
  readonly #startCall: Call<typeof session_op>;
  readonly #finishCall: Call<typeof u32>;
  readonly #pollfd: Argument<typeof pollfd>;
  readonly #answers = new Map<Ioctl, boolean>();
  /** Asynchronous operations that the driver has, with their memory. */
  inFlight = 0;
  #fd = -1;
  #closed = false;
  /** Whether a call is under way. Programs can only notice from what it calls: a trace, a log, or a host of their own. */
  #isBusy = false;
  /** How many of us use the same descriptor, because it could not be cloned. */
  #share = { users: 1 };

  private constructor(host: Host, path: string, options: Checked<DeviceOptions>) {
    this.host = host;
    this.path = path;
    this.options = options;
    this.arena = new Arena(host);
    this.#startCall = new Call(host, CIOCGSESSION);
    this.#finishCall = new Call(host, CIOCFSESSION);
    this.#pollfd = new Argument(host, pollfd);
  }

  static open(host: Host, path: string, options: DeviceOptions): DeviceFile {
    const chunkSize = option(options, "chunkSize", "device", LONGEST_CHUNK);
    const hardware = option(options, "hardware", "device", "allow");
    const statistics = option(options, "statistics", "device", false);
    if (!(typeof chunkSize === "number" && chunkSize % 16 === 0 && chunkSize > 0 && chunkSize <= LONGEST_CHUNK)) {
      throw new RangeError(
        `chunkSize: expected a multiple of 16 bytes, at most ${LONGEST_CHUNK}, got ${inWords(chunkSize)}`,
      );
    }
    if (hardware !== "allow" && hardware !== "require") {
      throw new RangeError(`hardware: expected "allow" or "require", got ${inWords(hardware, ["allow", "require"])}`);
    }
    if (typeof statistics !== "boolean") {
      throw new TypeError(`statistics: expected true or false, got ${inWords(statistics)}`);
    }
    // All that can fail otherwise goes before: a descriptor that is open belongs to somebody.
    const descriptor = new DeviceFile(host, path, { chunkSize, hardware, statistics });
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
  ioctl(call: Call, hintOf?: (errno: number) => string): number {
    this.#requireOpen();
    return this.send(call, hintOf);
  }

  /** The same for a session, which has asked whether it is open: it ends before its device does. */
  send(call: Call, hintOf: (errno: number) => string = ioctlHint): number {
    const result = this.#call(this.#fd, call.request, call);
    if (result >= 0) return result;
    const { name } = call.ioctl;
    const isUnanswered = result === -errnos.EINVAL && !this.answers(call.ioctl);
    throw this.refusal(-result, name, isUnanswered ? compatHint(name) : hintOf(-result));
  }

  /**
   * Whether the driver answers an ioctl at all. To a 32-bit process a 64-bit kernel answers EINVAL for those without a
   * compat handler, whatever their argument is; a driver that they reach reads the argument first, and NULL is EFAULT.
   */
  answers(ioctl: Ioctl): boolean {
    const { machine } = this.host;
    if (machine.pointerSize === 8 || !nativeIoctls.includes(ioctl)) return true;
    let isAnswered = this.#answers.get(ioctl);
    if (isAnswered === undefined) {
      this.#requireOpen();
      isAnswered = this.#call(this.#fd, requestNumber(ioctl, machine), null) !== -errnos.EINVAL;
      this.#answers.set(ioctl, isAnswered);
    }
    return isAnswered;
  }

  /** @throws `CryptodevError` in the middle of another call, whose memory must stay as it is */
  requireFree(): void {
    if (!this.#isBusy) return;
    const hint = "another call of this device is under way; a trace or a log must not use the device that it is about";
    throw this.refusal(errnos.EBUSY, CIOCCRYPT.name, hint);
  }

  #call(fd: number, request: number, argument: Call | null): number {
    this.#isBusy = true;
    try {
      return this.host.ioctl(fd, request, argument);
    } finally {
      this.#isBusy = false;
    }
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
    this.requireFree();
    if (this.#closed) throw new ClosedError(`${this.path}: the device was closed`);
  }

  /** Starts a session. @returns its id */
  start({ cipher, key, mac, mackey }: SessionParameters, einvalHint: string): number {
    this.#requireOpen();
    const { arena } = this;
    const call = this.#startCall;
    const at = call.offset;
    call.setUint32(at.cipher, cipher);
    call.setUint32(at.mac, mac);
    try {
      call.setUint32(at.keylen, this.#lendKey(at.key, arena.key, key));
      call.setUint32(at.mackeylen, this.#lendKey(at.mackey, arena.mackey, mackey));
      this.send(call, (errno) => (errno === errnos.EINVAL ? einvalHint : ioctlHint(errno)));
      return call.getUint32(at.ses);
    } finally {
      call.release();
      wipe(arena.key, arena.key.length);
      wipe(arena.mackey, arena.mackey.length);
    }
  }

  /** Copies a key to where the kernel reads it. @returns its size */
  #lendKey(offset: number, place: Uint8Array, key: Uint8Array | undefined): number {
    const size = key === undefined ? 0 : byteLengthOf(key);
    // A part is of memory that stays as it is: what grows meanwhile does not leave more of a key than is wiped.
    if (size > 0) copyInto(place, partOf(key as Uint8Array, 0, size));
    this.#startCall.point(offset, size === 0 ? null : place);
    return size;
  }

  /**
   * Ends a session (CIOCFSESSION). It cannot fail in a way that matters: to the driver an unknown id is no error, and
   * where the descriptor is gone, so are its sessions.
   */
  finish(id: number): void {
    if (this.#closed) return;
    this.#finishCall.setUint32(this.#finishCall.offset.value, id);
    this.#call(this.#fd, this.#finishCall.request, this.#finishCall);
  }

  /** A second descriptor of the same open device: it sees the same sessions. Closed on exec, as the first. */
  clone(): DeviceFile {
    this.#requireOpen();
    const clone = new DeviceFile(this.host, this.path, this.options);
    const call = new Call(this.host, CRIOGET);
    const result = this.#call(this.#fd, call.request, call);
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
    const closing = this.#call(fd, FIOCLEX[this.host.machine.requests], null);
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
    this.requireFree();
    // The driver would go on with operations of sessions that it has freed.
    if (this.inFlight > 0) {
      const hint = `${this.inFlight} asynchronous operations are in flight; await them first`;
      throw new CryptodevError({ errno: errnos.EBUSY, syscall: "close", path: this.path, hint });
    }
    let result = 0;
    try {
      for (const session of this.sessions) session.end("its device was closed");
    } finally {
      this.#closed = true;
      this.arena.wipe();
      this.#share.users -= 1;
      if (this.#share.users === 0) result = this.host.close(this.#fd);
    }
    if (result < 0) {
      const errno = -result;
      throw new CryptodevError({ errno, syscall: "close", path: this.path, hint: ioctlHint(errno) });
    }
  }
}
