import { O_CLOEXEC, O_RDWR } from "../abi/constants.ts";
import { errnos } from "../abi/errno.ts";
import { type Ioctl, requestNumber } from "../abi/ioctl.ts";
import { CIOCAUTHCRYPT, CIOCCPHASH, CIOCFSESSION, CIOCGSESSION, CRIOGET, FIOCLEX } from "../abi/ioctls.ts";
import { pollfd, type session_op, type u32 } from "../abi/structs.ts";
import {
  AuthenticationError,
  BusyError,
  ClosedError,
  CryptodevError,
  compatHint,
  ioctlHint,
  openHint,
} from "../errors.ts";
import type { Host } from "../host/host.ts";
import { Argument } from "../memory/argument.ts";
import { byteLengthOf, copyInto, partOf, wipe } from "../memory/bytes.ts";
import { Call } from "../memory/call.ts";
import { option } from "../options.ts";
import { inWords } from "../words.ts";
import { Arena } from "./arena.ts";
import { MAX_CHUNK } from "./limits.ts";

/**
 * The parameters of a new session. Every member is required, because a missing one could come from the object's
 * prototype.
 */
export interface SessionParameters {
  readonly cipher: number;
  readonly key: Uint8Array | undefined;
  readonly mac: number;
  readonly macKey: Uint8Array | undefined;
}

/** Options of a device. */
export interface DeviceOptions {
  /** Whether sessions count their operations; see {@link Session.statistics}. Defaults to `false`. */
  readonly statistics?: boolean | undefined;
  /**
   * The most bytes that are passed to the kernel in one call, a multiple of 16. Longer data is sent in several calls,
   * with the same result. Defaults to 128 MiB, the most that the driver always accepts without copying.
   */
  readonly chunkSize?: number | undefined;
  /**
   * Which drivers may serve sessions. With `"require"`, starting a session throws a {@link HardwareRequiredError} unless
   * its driver is hardware. Defaults to `"allow"`, which accepts any driver.
   */
  readonly hardware?: "require" | "allow" | undefined;
}

/** Options after validation: each one has a value. */
type Checked<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> };

/** Ioctls without a compat handler: a 64-bit kernel does not pass them on from a 32-bit process. */
const nativeIoctls: readonly Ioctl[] = [CIOCAUTHCRYPT, CIOCCPHASH];

/** The device of each session and submitter. */
const devices = new WeakMap<object, object>();

/** An open descriptor of the device, and the sessions that were started on it. */
export class DeviceFile {
  readonly host: Host;
  readonly path: string;
  readonly options: Checked<DeviceOptions>;
  /** Memory that small data is copied through. */
  readonly arena: Arena;
  /** Sessions to end before the descriptor is closed. */
  readonly sessions: Set<{ end(why: string): void }> = new Set();
  readonly #startCall: Call<typeof session_op>;
  readonly #finishCall: Call<typeof u32>;
  readonly #pollfd: Argument<typeof pollfd>;
  readonly #answers = new Map<Ioctl, boolean>();
  /** Number of asynchronous operations whose memory the driver still uses. */
  inFlight = 0;
  #fd = -1;
  #closed = false;
  /**
   * Whether a call is in progress. Only code that the call itself runs can see this: a trace, a log, or a custom host.
   */
  #isBusy = false;
  /** The device. The reference is weak, because this file outlives it if it is dropped without being closed. */
  #device: WeakRef<object> | undefined;
  /** How many objects share the descriptor because it could not be cloned. */
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
    const chunkSize = option(options, "chunkSize", "device", MAX_CHUNK);
    const hardware = option(options, "hardware", "device", "allow");
    const statistics = option(options, "statistics", "device", false);
    if (!(typeof chunkSize === "number" && chunkSize % 16 === 0 && chunkSize > 0 && chunkSize <= MAX_CHUNK)) {
      throw new RangeError(
        `chunkSize: expected a multiple of 16 bytes, at most ${MAX_CHUNK}, got ${inWords(chunkSize)}`,
      );
    }
    if (hardware !== "allow" && hardware !== "require") {
      throw new RangeError(`hardware: expected "allow" or "require", got ${inWords(hardware, ["allow", "require"])}`);
    }
    if (typeof statistics !== "boolean") {
      throw new TypeError(`statistics: expected true or false, got ${inWords(statistics)}`);
    }
    // Everything else that can fail comes first: from here on an open descriptor would leak.
    const descriptor = new DeviceFile(host, path, { chunkSize, hardware, statistics });
    const fd = host.open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) throw new CryptodevError({ errno: -fd, syscall: "open", path, hint: openHint(-fd) });
    descriptor.#fd = fd;
    return descriptor;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sets the device whose file this is. */
  belongTo(device: object): void {
    this.#device = new WeakRef(device);
  }

  /** Keeps the device from being collected, and thereby closed, as long as the program uses `user`. */
  keepDeviceFor(user: object): void {
    const device = this.#device?.deref();
    if (device !== undefined) devices.set(user, device);
  }

  /**
   * Whether any of these events is ready.
   *
   * @param timeout - how long to wait for one, in milliseconds; -1 waits without a limit
   */
  isReady(events: number, timeout: number = 0): boolean {
    const { offset } = this.#pollfd;
    this.#pollfd.setUint32(offset.fd, this.#fd);
    this.#pollfd.setUint16(offset.events, events);
    return this.host.poll(this.#pollfd, timeout) > 0;
  }

  /**
   * Sends an ioctl.
   *
   * @returns what the driver returned, which is not negative
   */
  ioctl(call: Call, hintOf?: (errno: number) => string): number {
    this.#requireOpen();
    return this.send(call, hintOf);
  }

  /**
   * Sends an ioctl for a session, which has already checked that it is open: a session ends before its device does.
   *
   * @returns what the driver returned, which is not negative
   */
  send(call: Call, hintOf: (errno: number) => string = ioctlHint): number {
    const result = this.#call(this.#fd, call.request, call);
    if (result >= 0) return result;
    // The driver returns this for nothing else.
    if (result === -errnos.EBADMSG) throw new AuthenticationError();
    const { name } = call.ioctl;
    const isUnanswered = result === -errnos.EINVAL && !this.answers(call.ioctl);
    throw this.refusal(-result, name, isUnanswered ? compatHint(name) : hintOf(-result));
  }

  /**
   * Whether the driver supports an ioctl. A 64-bit kernel returns EINVAL to a 32-bit process for ioctls without a
   * compat handler, whatever their argument is. A driver that receives the ioctl reads the argument first, and returns
   * EFAULT for NULL.
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

  /** @throws {BusyError} during another call, whose memory must not change */
  requireFree(): void {
    if (!this.#isBusy) return;
    throw new BusyError(
      `${this.path}: another call of this device is in progress; a trace or a log must not use the device that it reports on`,
    );
  }

  #call(fd: number, request: number, argument: Call | null): number {
    this.#isBusy = true;
    try {
      return this.host.ioctl(fd, request, argument);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Creates the error for an ioctl that failed. */
  refusal(errno: number, ioctl: string, hint: string = ioctlHint(errno)): CryptodevError {
    return new CryptodevError({ errno, syscall: "ioctl", ioctl, path: this.path, hint });
  }

  /** Warns of a mistake where an error must not be thrown. If the host cannot log the warning, that is ignored too. */
  warn(message: string): void {
    try {
      this.host.warn(message);
    } catch {}
  }

  #requireOpen(): void {
    this.requireFree();
    if (this.#closed) throw new ClosedError(`${this.path}: the device was closed`);
  }

  /**
   * Starts a session.
   *
   * @returns its id
   */
  start({ cipher, key, mac, macKey }: SessionParameters, einvalHint: string): number {
    this.#requireOpen();
    const { arena } = this;
    const call = this.#startCall;
    const at = call.offset;
    call.setUint32(at.cipher, cipher);
    call.setUint32(at.mac, mac);
    try {
      call.setUint32(at.keylen, this.#lendKey(at.key, arena.key, key));
      call.setUint32(at.mackeylen, this.#lendKey(at.mackey, arena.mackey, macKey));
      this.send(call, (errno) => (errno === errnos.EINVAL ? einvalHint : ioctlHint(errno)));
      return call.getUint32(at.ses);
    } finally {
      call.release();
      wipe(arena.key, arena.key.length);
      wipe(arena.mackey, arena.mackey.length);
    }
  }

  /**
   * Copies a key to where the kernel reads it.
   *
   * @returns its size in bytes
   */
  #lendKey(offset: number, place: Uint8Array, key: Uint8Array | undefined): number {
    const size = key === undefined ? 0 : byteLengthOf(key);
    // `partOf` returns a view of fixed length: if the key grows meanwhile, no more of it is copied than is wiped later.
    if (size > 0) copyInto(place, partOf(key as Uint8Array, 0, size));
    this.#startCall.point(offset, size === 0 ? null : place);
    return size;
  }

  /**
   * Ends a session (CIOCFSESSION). Errors are ignored: the driver accepts unknown ids, and if the descriptor is gone,
   * so are its sessions.
   */
  finish(id: number): void {
    if (this.#closed) return;
    this.#finishCall.setUint32(this.#finishCall.offset.value, id);
    this.#call(this.#fd, this.#finishCall.request, this.#finishCall);
  }

  /**
   * Returns a second descriptor for the same open device, which sees the same sessions. It is close-on-exec, as the
   * first is.
   */
  clone(): DeviceFile {
    this.#requireOpen();
    const clone = new DeviceFile(this.host, this.path, this.options);
    const call = new Call(this.host, CRIOGET);
    const result = this.#call(this.#fd, call.request, call);
    if (result === -errnos.EOPNOTSUPP) {
      // A device that another process serves cannot create a descriptor in this process, so both objects share this
      // one.
      this.#share.users += 1;
      clone.#share = this.#share;
      clone.#fd = this.#fd;
      return clone;
    }
    if (result < 0) throw this.refusal(-result, CRIOGET.name);
    const fd = call.getUint32(call.offset.value) | 0;
    // If no descriptor is free, the driver stores the error in the value and returns success.
    if (fd < 0) throw this.refusal(-fd, CRIOGET.name, openHint(-fd));
    const closing = this.#call(fd, FIOCLEX[this.host.machine.requests], null);
    if (closing < 0) {
      this.host.close(fd);
      throw this.refusal(-closing, "FIOCLEX");
    }
    clone.#fd = fd;
    return clone;
  }

  /**
   * Ends all sessions and closes the descriptor. After that nothing is sent to its number, which may refer to another
   * file.
   */
  close(): void {
    if (this.#closed) return;
    this.requireFree();
    // The driver would continue operations of sessions that it has already freed.
    if (this.inFlight > 0) {
      throw new BusyError(`${this.path}: ${this.inFlight} asynchronous operations are in flight; await them first`);
    }
    const failures: unknown[] = [];
    for (const session of this.sessions) {
      try {
        session.end("its device was closed");
      } catch (error) {
        // A host that the program implements threw it. Each of the other sessions has to end, too.
        failures.push(error);
      }
    }
    this.#closed = true;
    this.arena.wipe();
    this.#share.users -= 1;
    const result = this.#share.users === 0 ? this.host.close(this.#fd) : 0;
    if (failures.length > 0) throw failures[0];
    if (result < 0) {
      const errno = -result;
      throw new CryptodevError({ errno, syscall: "close", path: this.path, hint: ioctlHint(errno) });
    }
  }
}
