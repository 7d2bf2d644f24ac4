import { errnoName, errnos } from "@cryptodev/core/abi";
import { KernelCrashError, type OpenFile } from "@cryptodev/soft";
import { Calls, type CallsOptions, type ServedFile } from "./calls.ts";
import { Crashes, type CrashPolicy } from "./crashes.ts";
import {
  cuse_init_out,
  FATTR_FTRUNCATE,
  FATTR_LASTING,
  FOPEN_DIRECT_IO,
  FOPEN_NOFLUSH,
  FOPEN_NONSEEKABLE,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_POLL_SCHEDULE_NOTIFY,
  fuse_attr_out,
  fuse_init_out,
  fuse_interrupt_in,
  fuse_ioctl_in,
  fuse_open_out,
  fuse_poll_in,
  fuse_poll_out,
  fuse_release_in,
  fuse_setattr_in,
  fuse_statfs_out,
  type Operation,
} from "./wire/fuse.ts";
import { MAX_WRITE, Messages } from "./wire/messages.ts";

/** A regular file that everybody may read and write (`<sys/stat.h>`). */
const MODE = 0o100666;

/** What `statfs(2)` reports for every file system. */
const BLOCK = 4096;
const NAME_MAX = 255;

/** How many requests are answered between two slices of long operations, so that a flood does not stop these. */
const MOST_BETWEEN_SLICES = 16;

/** Options of a {@link Connection}. */
export interface ConnectionOptions extends Omit<CallsOptions, "crashes"> {
  /** The opened `/dev/fuse` or `/dev/cuse`. */
  readonly fd: number;
  /** The maximum number of open files. */
  readonly files: number;
  /** The name of the character device that CUSE creates. */
  readonly deviceName: string;
  readonly onCrash: CrashPolicy;
  /** Called as soon as the device can be opened. */
  readonly onReady: () => void;
}

/** The layouts of the bodies that requests and replies have after their headers. */
function bodiesOf(messages: Messages) {
  return {
    releaseIn: messages.requestBody(fuse_release_in),
    setattrIn: messages.requestBody(fuse_setattr_in),
    ioctlIn: messages.requestBody(fuse_ioctl_in),
    interruptIn: messages.requestBody(fuse_interrupt_in),
    pollIn: messages.requestBody(fuse_poll_in),
    attrOut: messages.replyBody(fuse_attr_out),
    statfsOut: messages.replyBody(fuse_statfs_out),
    openOut: messages.replyBody(fuse_open_out),
    pollOut: messages.replyBody(fuse_poll_out),
  };
}
type Bodies = ReturnType<typeof bodiesOf>;

/**
 * Speaks FUSE or CUSE over a descriptor: reads the kernel's requests and writes the device's replies, one at a time.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #messages: Messages;
  readonly #crashes: Crashes;
  readonly #calls: Calls;
  readonly #files = new Map<number, ServedFile>();
  readonly #bodies: Bodies;
  /** What to do about each kind of request, given its length. */
  readonly #handlers: Readonly<Record<Operation, (length: number) => void>> = {
    FUSE_IOCTL: (length) => this.#ioctl(length),
    FUSE_OPEN: () => this.#open(),
    FUSE_RELEASE: () => this.#release(),
    FUSE_POLL: () => this.#poll(),
    FUSE_GETATTR: () => this.#attributes(),
    FUSE_SETATTR: () => this.#setAttributes(),
    FUSE_STATFS: () => this.#statistics(),
    // The driver does not implement these.
    FUSE_READ: () => this.#messages.send(-errnos.EINVAL),
    FUSE_WRITE: () => this.#messages.send(-errnos.EINVAL),
    FUSE_FSYNC: () => this.#messages.send(-errnos.EINVAL),
    FUSE_INIT: () => this.#init(fuse_init_out),
    CUSE_INIT: () => this.#init(cuse_init_out, `DEVNAME=${this.#options.deviceName}\0`),
    // These do not have a reply.
    FUSE_FORGET: () => {},
    FUSE_BATCH_FORGET: () => {},
    FUSE_INTERRUPT: () => this.#calls.interrupt(this.#messages.request.getUint64(this.#bodies.interruptIn.at.unique)),
  };
  #nextFile = 1;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#messages = new Messages(options.host, options.fd);
    this.#bodies = bodiesOf(this.#messages);
    this.#crashes = new Crashes(options.onCrash, options.counters, options.log);
    this.#calls = new Calls({ ...options, crashes: this.#crashes }, this.#messages);
  }

  /**
   * Answers requests until the device is removed, or until it is told to stop.
   *
   * @param isStopped - called after each reply
   * @returns whether a call that would crash a kernel ended it
   */
  serve(isStopped: () => boolean): boolean {
    const calls = this.#calls;
    for (let answered = 0; !this.#crashes.areFatal && !isStopped(); answered += 1) {
      calls.waitForHelpers();
      this.#messages.setWaiting(calls.areDone);
      const length = this.#messages.receive();
      if (length === -errnos.ENODEV) break;
      // ENOENT: the request was withdrawn before it could be read.
      const isMissing = length === -errnos.EINTR || length === -errnos.EAGAIN || length === -errnos.ENOENT;
      if (length < 0 && !isMissing) throw new Error(`reading requests: ${errnoName(-length)}`);
      if (!isMissing) this.#answer(length);
      calls.proceed(isMissing || answered % MOST_BETWEEN_SLICES === 0);
    }
    // Operations that are outstanding at this point are not the callers' fault.
    for (const { caller } of this.#files.values()) this.#close(caller.file);
    calls.forgetCallers();
    return this.#crashes.areFatal;
  }

  #answer(length: number): void {
    const { operation } = this.#messages;
    if (operation === undefined) this.#messages.send(-errnos.ENOSYS);
    else this.#handlers[operation](length);
  }

  #init(struct: typeof fuse_init_out | typeof cuse_init_out, name = ""): void {
    const { reply } = this.#messages;
    const { end, at } = this.#messages.start(this.#messages.replyBody(struct));
    reply.setUint32(at.major, FUSE_KERNEL_VERSION);
    reply.setUint32(at.minor, FUSE_KERNEL_MINOR_VERSION);
    reply.setUint32(at.max_write, MAX_WRITE);
    new TextEncoder().encodeInto(name, reply.bytes.subarray(end));
    this.#messages.send(0, end + name.length);
    this.#options.onReady();
  }

  #attributes(): void {
    const { reply } = this.#messages;
    const { end, at } = this.#messages.start(this.#bodies.attrOut);
    reply.setUint64(at.ino, 1);
    reply.setUint32(at.mode, MODE);
    reply.setUint32(at.nlink, 1);
    this.#messages.send(0, end);
  }

  #setAttributes(): void {
    const changes = this.#messages.request.getUint32(this.#bodies.setattrIn.at.valid);
    // O_TRUNC has no effect, as with any device. Changes that a caller would expect to last are refused.
    if ((changes & FATTR_LASTING) !== 0) this.#messages.send(-errnos.EPERM);
    else if ((changes & FATTR_FTRUNCATE) === FATTR_FTRUNCATE) this.#messages.send(-errnos.EINVAL);
    else this.#attributes();
  }

  /** Answers df(1), which does not list file systems without blocks. */
  #statistics(): void {
    const { reply } = this.#messages;
    const { end, at } = this.#messages.start(this.#bodies.statfsOut);
    reply.setUint32(at.bsize, BLOCK);
    reply.setUint32(at.frsize, BLOCK);
    reply.setUint32(at.namelen, NAME_MAX);
    this.#messages.send(0, end);
  }

  #open(): void {
    const { device, files } = this.#options;
    const result = this.#files.size < files ? device.open() : -errnos.ENFILE;
    if (result < 0) {
      this.#messages.send(result);
      return;
    }
    const number = this.#nextFile;
    this.#nextFile += 1;
    this.#files.set(number, this.#calls.open());
    this.#options.counters.add("files", 1);
    const { reply } = this.#messages;
    const { end, at } = this.#messages.start(this.#bodies.openOut);
    reply.setUint64(at.fh, number);
    reply.setUint32(at.open_flags, FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE | FOPEN_NOFLUSH);
    this.#messages.send(0, end);
  }

  #release(): void {
    const number = this.#messages.request.getUint64(this.#bodies.releaseIn.at.fh);
    const served = this.#files.get(number);
    if (served !== undefined) {
      const { counters } = this.#options;
      this.#calls.forgetCallers();
      this.#files.delete(number);
      counters.add("files", -1);
      counters.add("sessions", -served.caller.file.sessionCount);
      const crash = this.#close(served.caller.file);
      if (crash !== undefined) this.#crashes.report(crash, 0);
    }
    this.#messages.send(0);
  }

  #close(file: OpenFile): KernelCrashError | undefined {
    try {
      this.#options.device.close(file);
      return undefined;
    } catch (error) {
      if (error instanceof KernelCrashError) return error;
      throw error;
    }
  }

  #poll(): void {
    const { request, reply } = this.#messages;
    const { fh, kh, flags } = this.#bodies.pollIn.at;
    const served = this.#files.get(request.getUint64(fh));
    if (served === undefined) {
      this.#messages.send(-errnos.EBADF);
      return;
    }
    if ((request.getUint32(flags) & FUSE_POLL_SCHEDULE_NOTIFY) !== 0) served.waiting.add(request.getUint64(kh));
    const { end, at } = this.#messages.start(this.#bodies.pollOut);
    reply.setUint32(at.revents, served.caller.file.ready());
    this.#messages.send(0, end);
  }

  #ioctl(length: number): void {
    const served = this.#files.get(this.#messages.request.getUint64(this.#bodies.ioctlIn.at.fh));
    if (served === undefined) this.#messages.send(-errnos.EBADF);
    else this.#calls.accept(served, length);
  }
}
