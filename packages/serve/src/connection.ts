import process from "node:process";
import { Argument, errnoName, errnos, type Layout, type LibcHost, layout, type Struct } from "@cryptodev/core";
import { type Caller, KernelCrashError, type OpenFile, type SoftwareDevice } from "@cryptodev/soft";
import type { Counters } from "./counters.ts";
import { ProcessMemory } from "./process_memory.ts";
import { UnreachableCallerError } from "./process_vm.ts";
import {
  FATTR_LASTING,
  FOPEN_DIRECT_IO,
  FOPEN_NONSEEKABLE,
  FUSE_IOCTL_32BIT,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_NOTIFY_POLL,
  FUSE_POLL_SCHEDULE_NOTIFY,
  opcodes,
} from "./wire/constants.ts";
import { cuse_init_out } from "./wire/structs/cuse_init_out.ts";
import { fuse_attr_out } from "./wire/structs/fuse_attr_out.ts";
import { fuse_in_header } from "./wire/structs/fuse_in_header.ts";
import { fuse_init_out } from "./wire/structs/fuse_init_out.ts";
import { fuse_ioctl_in } from "./wire/structs/fuse_ioctl_in.ts";
import { fuse_ioctl_out } from "./wire/structs/fuse_ioctl_out.ts";
import { fuse_notify_poll_wakeup_out } from "./wire/structs/fuse_notify_poll_wakeup_out.ts";
import { fuse_open_out } from "./wire/structs/fuse_open_out.ts";
import { fuse_out_header } from "./wire/structs/fuse_out_header.ts";
import { fuse_poll_in } from "./wire/structs/fuse_poll_in.ts";
import { fuse_poll_out } from "./wire/structs/fuse_poll_out.ts";
import { fuse_release_in } from "./wire/structs/fuse_release_in.ts";
import { fuse_setattr_in } from "./wire/structs/fuse_setattr_in.ts";

/** The kernel takes no buffer smaller than this; our largest request is a `write(2)` that is refused. */
const BUFFER = 2 ** 16;
const MOST_WRITE = 4096;

/** Memory for a message: a header, and what it announces. */
const message = (size: number): Struct => ({ name: "message", fields: [["bytes", "char", size]] });

/** A regular file that everybody may read and write (`<sys/stat.h>`). */
const MODE = 0o100666;

/** Where the members of an answer's body are, in the whole answer. */
interface Body<S extends Struct> {
  readonly size: number;
  readonly at: Layout<S>["offset"];
}

/** What a server does about a call that a kernel would not survive. */
export type HazardPolicy = "refuse" | "kill" | "fail";

/** What a {@link Connection} needs. */
export interface ConnectionOptions {
  readonly host: LibcHost;
  /** The opened `/dev/fuse` or `/dev/cuse`. */
  readonly fd: number;
  readonly device: SoftwareDevice;
  readonly counters: Counters;
  /** The name of the character device that CUSE is to make. */
  readonly deviceName: string;
  readonly onHazard: HazardPolicy;
  /** Takes lines for the log. */
  readonly log: (line: string) => void;
  /** The device can be opened from now on. */
  readonly onReady: () => void;
}

/** An open file, as the kernel knows it by its number. */
interface Served {
  readonly caller: Caller;
  /** Who is asleep until one of its events comes. */
  readonly waiting: Set<number>;
}

/** Speaks FUSE, or CUSE, over a descriptor: the kernel's messages in, the device's answers out, one after the other. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #request: Argument;
  readonly #reply: Argument;
  readonly #memory: ProcessMemory;
  readonly #files = new Map<number, Served>();
  readonly #header: Layout<typeof fuse_in_header>;
  readonly #outHeader: Layout<typeof fuse_out_header>;
  readonly #ioctlIn: Layout<typeof fuse_ioctl_in>;
  readonly #ioctlOut: Body<typeof fuse_ioctl_out>;
  readonly #pollIn: Layout<typeof fuse_poll_in>;
  readonly #pollOut: Body<typeof fuse_poll_out>;
  #nextFile = 1;
  #failed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { host } = options;
    this.#request = new Argument(host, message(BUFFER));
    this.#reply = new Argument(host, message(MOST_WRITE));
    this.#memory = new ProcessMemory(host);
    this.#header = layout(fuse_in_header, host.machine);
    this.#outHeader = layout(fuse_out_header, host.machine);
    this.#ioctlIn = layout(fuse_ioctl_in, host.machine);
    this.#ioctlOut = this.#body(fuse_ioctl_out);
    this.#pollIn = layout(fuse_poll_in, host.machine);
    this.#pollOut = this.#body(fuse_poll_out);
  }

  /**
   * Answers until the device is gone, or until told to stop.
   *
   * @param isStopped - looked at after each answer
   * @returns whether a hazard ended it
   */
  serve(isStopped: () => boolean): boolean {
    const { host, fd } = this.#options;
    while (!this.#failed && !isStopped()) {
      const length = host.read(fd, this.#request);
      if (length === -errnos.ENODEV) break;
      // ENOENT: the request was withdrawn before it could be read.
      if (length === -errnos.EINTR || length === -errnos.EAGAIN || length === -errnos.ENOENT) continue;
      if (length < 0) throw new Error(`reading requests: ${errnoName(-length)}`);
      this.#answer(length);
    }
    // That operations are outstanding now is no mistake of theirs.
    for (const { caller } of this.#files.values()) this.#close(caller.file);
    return this.#failed;
  }

  #answer(length: number): void {
    const { offset } = this.#header;
    switch (this.#request.getUint32(offset.opcode)) {
      case opcodes.FUSE_IOCTL:
        this.#ioctl(length);
        break;
      case opcodes.FUSE_OPEN:
        this.#open();
        break;
      case opcodes.FUSE_RELEASE:
        this.#release(this.#in(layout(fuse_release_in, this.#options.host.machine).offset.fh));
        this.#send(0);
        break;
      case opcodes.FUSE_POLL:
        this.#poll();
        break;
      case opcodes.FUSE_GETATTR:
        this.#attributes();
        break;
      case opcodes.FUSE_SETATTR: {
        const { valid } = layout(fuse_setattr_in, this.#options.host.machine).offset;
        const changes = this.#request.getUint32(this.#header.size + valid);
        // To truncate it does nothing, as with any device; what would have to last is refused.
        if ((changes & FATTR_LASTING) !== 0) this.#send(-errnos.EPERM);
        else this.#attributes();
        break;
      }
      case opcodes.FUSE_READ:
      case opcodes.FUSE_WRITE:
        // The driver has neither.
        this.#send(-errnos.EINVAL);
        break;
      case opcodes.FUSE_INIT:
        this.#init(fuse_init_out);
        break;
      case opcodes.CUSE_INIT:
        this.#init(cuse_init_out, `DEVNAME=${this.#options.deviceName}\0`);
        break;
      case opcodes.FUSE_FORGET:
      case opcodes.FUSE_BATCH_FORGET:
      case opcodes.FUSE_INTERRUPT:
        // None of them is answered. By the time an interrupt is read, what it would interrupt has been answered.
        break;
      default:
        this.#send(-errnos.ENOSYS);
        break;
    }
  }

  /** A 64-bit member of a request's body. */
  #in(offset: number): number {
    return this.#request.getUint64(this.#header.size + offset);
  }

  /** Lays out the body of an answer. */
  #body<const S extends Struct>(struct: S): Body<S> {
    const { size, offset } = layout(struct, this.#options.host.machine);
    const start = this.#outHeader.size;
    const at = Object.fromEntries(Object.entries<number>(offset).map(([name, place]) => [name, start + place]));
    return { size, at: at as Layout<S>["offset"] };
  }

  /** Makes room for the body of an answer. */
  #out<S extends Struct>(body: Body<S>): Body<S> {
    this.#reply.bytes.fill(0, this.#outHeader.size, this.#outHeader.size + body.size);
    return body;
  }

  /** Sends an answer to the current request. @param size - bytes of its body */
  #send(error: number, size = 0): void {
    const unique = this.#header.offset.unique;
    const { offset } = this.#outHeader;
    this.#reply.setUint32(offset.unique, this.#request.getUint32(unique));
    this.#reply.setUint32(offset.unique + 4, this.#request.getUint32(unique + 4));
    this.#write(error, size);
  }

  #write(error: number, size: number): void {
    const { host, fd } = this.#options;
    const { offset, size: headerSize } = this.#outHeader;
    this.#reply.setUint32(offset.len, headerSize + size);
    this.#reply.setUint32(offset.error, error);
    const result = host.write(fd, this.#reply, headerSize + size);
    // ENOENT: nobody waits for this answer any more. ENODEV: nobody waits at all, which the next read finds too.
    if (result < 0 && result !== -errnos.ENOENT && result !== -errnos.ENODEV) {
      throw new Error(`answering: ${errnoName(-result)}`);
    }
  }

  #init(struct: typeof fuse_init_out | typeof cuse_init_out, name = ""): void {
    const { size, at } = this.#out(this.#body(struct));
    this.#reply.setUint32(at.major, FUSE_KERNEL_VERSION);
    this.#reply.setUint32(at.minor, FUSE_KERNEL_MINOR_VERSION);
    this.#reply.setUint32(at.max_write, MOST_WRITE);
    new TextEncoder().encodeInto(name, this.#reply.bytes.subarray(this.#outHeader.size + size));
    this.#send(0, size + name.length);
    this.#options.onReady();
  }

  #attributes(): void {
    const { size, at } = this.#out(this.#body(fuse_attr_out));
    this.#reply.setUint64(at.ino, 1);
    this.#reply.setUint32(at.mode, MODE);
    this.#reply.setUint32(at.nlink, 1);
    this.#send(0, size);
  }

  #open(): void {
    const file = this.#options.device.open();
    if (typeof file === "number") {
      this.#send(file);
      return;
    }
    const number = this.#nextFile;
    this.#nextFile += 1;
    this.#files.set(number, { caller: this.#callerOf(file), waiting: new Set() });
    this.#options.counters.add("files", 1);
    const { size, at } = this.#out(this.#body(fuse_open_out));
    this.#reply.setUint64(at.fh, number);
    this.#reply.setUint32(at.open_flags, FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE);
    this.#send(0, size);
  }

  #release(number: number): void {
    const { counters } = this.#options;
    const served = this.#files.get(number);
    if (served === undefined) return;
    this.#files.delete(number);
    counters.add("files", -1);
    counters.add("sessions", -served.caller.file.sessionCount);
    const crash = this.#close(served.caller.file);
    if (crash !== undefined) this.#hazard(crash, 0);
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
    const { offset } = this.#pollIn;
    const served = this.#files.get(this.#in(offset.fh));
    if (served === undefined) {
      this.#send(-errnos.EBADF);
      return;
    }
    const flags = this.#request.getUint32(this.#header.size + offset.flags);
    if ((flags & FUSE_POLL_SCHEDULE_NOTIFY) !== 0) served.waiting.add(this.#in(offset.kh));
    const { size, at } = this.#out(this.#pollOut);
    this.#reply.setUint32(at.revents, served.caller.file.ready());
    this.#send(0, size);
  }

  #wake(waiting: Set<number>): void {
    for (const kh of waiting) {
      const { size, at } = this.#out(this.#body(fuse_notify_poll_wakeup_out));
      this.#reply.setUint64(at.kh, kh);
      this.#reply.setUint64(this.#outHeader.offset.unique, 0);
      this.#write(FUSE_NOTIFY_POLL, size);
    }
    waiting.clear();
  }

  #ioctl(length: number): void {
    const { offset, size: inSize } = this.#ioctlIn;
    const served = this.#files.get(this.#in(offset.fh));
    if (served === undefined) {
      this.#send(-errnos.EBADF);
      return;
    }
    const body = this.#header.size;
    const { caller, waiting } = served;
    const { file } = caller;
    const [sessions, ready] = [file.sessionCount, file.ready()];
    const result = this.#carryOut(caller, this.#request.bytes.subarray(body + inSize, length));
    const returned = this.#memory.leave();
    const { counters } = this.#options;
    counters.add("calls", 1);
    if (result < 0) counters.add("refused", 1);
    counters.add("sessions", file.sessionCount - sessions);
    const { size, at } = this.#out(this.#ioctlOut);
    this.#reply.setUint32(at.result, result);
    this.#reply.bytes.set(returned, this.#outHeader.size + size);
    this.#send(0, size + returned.length);
    if (waiting.size > 0 && file.ready() !== ready) this.#wake(waiting);
  }

  /** @returns what `ioctl(2)` is to return, or a negative error number */
  #carryOut(caller: Caller, argument: Uint8Array): number {
    const body = this.#header.size;
    const { offset } = this.#ioctlIn;
    const request = this.#request.getUint32(body + offset.cmd);
    const pid = this.#request.getUint32(this.#header.offset.pid);
    // None of our numbers is that of a 32-bit program, whose structs are others.
    if ((this.#request.getUint32(body + offset.flags) & FUSE_IOCTL_32BIT) !== 0) return -errnos.EINVAL;
    const address = this.#in(offset.arg);
    const { device, log } = this.#options;
    try {
      this.#memory.enter(pid, address, argument);
      return device.ioctl(request, address, caller);
    } catch (error) {
      if (error instanceof KernelCrashError) return this.#hazard(error, pid);
      if (error instanceof UnreachableCallerError) {
        log(`cryptodev: the memory of thread ${pid} is out of reach, so that its call is refused: ${error.message}`);
        return -errnos.EACCES;
      }
      // A mistake of ours, or no memory left: the caller cannot help it, and the others have nothing to do with it.
      log(`cryptodev: a call could not be answered: ${error instanceof Error ? error.stack : error}`);
      return -errnos.EIO;
    }
  }

  #callerOf(file: OpenFile): Caller {
    return {
      file,
      device: this.#options.device,
      memory: this.#memory,
      // Nobody but the kernel can put a descriptor into another process.
      duplicate: () => -errnos.EOPNOTSUPP,
      close: () => {},
    };
  }

  /** Tells of a call that a kernel would not survive. @returns an error that no driver answers */
  #hazard(error: KernelCrashError, pid: number): number {
    const { onHazard, counters, log } = this.#options;
    counters.add("hazards", 1);
    log(`cryptodev: hazard ${error.rule} by ${pid === 0 ? "whoever closed last" : `thread ${pid}`}: ${error.message}`);
    if (onHazard === "kill" && pid !== 0) process.kill(pid, "SIGKILL");
    if (onHazard === "fail") this.#failed = true;
    return -errnos.ENOTRECOVERABLE;
  }
}
