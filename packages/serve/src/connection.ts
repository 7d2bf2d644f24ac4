import { readFileSync } from "node:fs";
import { errnoName, errnos } from "@cryptodev/core/abi";
import {
  type BulkResult,
  type Caller,
  KernelCrashError,
  type MemoryRange,
  OpenFile,
  type Slices,
  type SoftwareDevice,
} from "@cryptodev/soft";
import { Mappings } from "./caller/mappings.ts";
import { CallPointers } from "./caller/pointers.ts";
import { Presence } from "./caller/presence.ts";
import { ProcessMemory } from "./caller/process_memory.ts";
import { UnreachableCallerError } from "./caller/process_vm.ts";
import type { Counters } from "./counters.ts";
import type { Helper, Task } from "./helpers/helper.ts";
import type { Helpers } from "./helpers/helpers.ts";
import { killThread } from "./kill_thread.ts";
import type { Progress } from "./progress.ts";
import type { ServerHost } from "./syscalls.ts";
import {
  cuse_init_out,
  FATTR_FTRUNCATE,
  FATTR_LASTING,
  FOPEN_DIRECT_IO,
  FOPEN_NOFLUSH,
  FOPEN_NONSEEKABLE,
  FUSE_IOCTL_COMPAT,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_NOTIFY_POLL,
  FUSE_POLL_SCHEDULE_NOTIFY,
  fuse_attr_out,
  fuse_init_out,
  fuse_interrupt_in,
  fuse_ioctl_in,
  fuse_ioctl_out,
  fuse_notify_poll_wakeup_out,
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

/** What a server does after a call that would crash a kernel. */
export type CrashPolicy = "refuse" | "kill" | "fail";

/** Options of a {@link Connection}. */
export interface ConnectionOptions {
  readonly host: ServerHost;
  /** The opened `/dev/fuse` or `/dev/cuse`. */
  readonly fd: number;
  readonly device: SoftwareDevice;
  /** The maximum number of open files. */
  readonly files: number;
  readonly counters: Counters;
  /** Where this connection shows what it works on. */
  readonly progress: Progress;
  /** The threads that process the data of long operations, and wait for the memory of callers. */
  readonly helpers: Helpers;
  /** The name of the character device that CUSE creates. */
  readonly deviceName: string;
  readonly onCrash: CrashPolicy;
  /** Returns the number of the server's own thread that clones descriptors; 0 if there is none. */
  readonly cloner: () => number;
  /** Called before each ioctl: parameters of the device can be changed while it runs. */
  readonly onCall: () => void;
  /** Called with each line for the log. */
  readonly log: (line: string) => void;
  /** Called as soon as the device can be opened. */
  readonly onReady: () => void;
}

/** An open file, which the kernel refers to by a number. */
interface ServedFile {
  readonly caller: Caller;
  /** The kernel's handles of callers that sleep until an event occurs. */
  readonly waiting: Set<number>;
  /** A long operation that has paused. */
  paused: PausedCall | undefined;
  /** Further calls, which wait until that has ended: the driver also runs those of one file one after the other. */
  readonly later: Request[];
}

/** A copy of a request, with its number. */
interface Request {
  readonly unique: number;
  readonly bytes: Uint8Array;
}

/** A call in parts, between which it pauses, so that another thread can do something for it. */
type Parts = Generator<Task | undefined, number, BulkResult | undefined>;

/** A call that continues later. */
interface PausedCall extends Request {
  /** The calling thread. */
  readonly caller: number;
  readonly work: Parts;
  /** What is to be done by another thread first; `undefined` if this one continues it. */
  readonly task: Task | undefined;
  /** The thread that does it; `undefined` if none is free yet. */
  helper: Helper | undefined;
}

/** The rest of a call that has paused. */
interface Rest {
  readonly work: Parts;
  /** What another thread could do for it. */
  readonly offer: Task | undefined;
}

/**
 * Whether the runtime could not allocate the memory that a call requires. Each runtime has its own message for that.
 */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError && /alloc|memory/i.test(error.message);
}

/** Whether a thread has received SIGKILL, the ninth signal (proc_pid_status(5)). */
function isKilled(thread: number): boolean {
  try {
    const [, pending = "0"] = /^SigPnd:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${thread}/status`, "latin1")) ?? [];
    return (Number.parseInt(pending.slice(-3), 16) & 0x100) !== 0;
  } catch {
    return true;
  }
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
    ioctlOut: messages.replyBody(fuse_ioctl_out),
    pollOut: messages.replyBody(fuse_poll_out),
    wakeupOut: messages.replyBody(fuse_notify_poll_wakeup_out),
  };
}
type Bodies = ReturnType<typeof bodiesOf>;

/**
 * Speaks FUSE or CUSE over a descriptor: reads the kernel's requests and writes the device's replies, one at a time.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #messages: Messages;
  readonly #memory: ProcessMemory;
  readonly #presence: Presence;
  readonly #pointers: CallPointers;
  readonly #compatPointers: CallPointers;
  readonly #files = new Map<number, ServedFile>();
  /** The files whose calls have paused, in the order in which they continue. */
  readonly #paused = new Set<ServedFile>();
  /** The files whose calls continue when a helper has done its part, or wait for a helper. */
  readonly #helped = new Set<ServedFile>();
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
    FUSE_INTERRUPT: () => this.#interrupt(),
  };
  #nextFile = 1;
  #failed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#messages = new Messages(options.host, options.fd);
    this.#bodies = bodiesOf(this.#messages);
    const { machine } = options.host;
    const mappings = new Mappings();
    this.#memory = new ProcessMemory(options.host, mappings);
    this.#presence = new Presence(mappings, options.host.getpagesize());
    this.#pointers = new CallPointers(machine);
    this.#compatPointers = new CallPointers({ ...machine, pointerSize: 4 });
  }

  /**
   * Answers requests until the device is removed, or until it is told to stop.
   *
   * @param isStopped - called after each reply
   * @returns whether a call that would crash a kernel ended it
   */
  serve(isStopped: () => boolean): boolean {
    for (let answered = 0; !this.#failed && !isStopped(); answered += 1) {
      if (this.#paused.size === 0 && this.#helped.size > 0) this.#options.helpers.wait();
      this.#messages.setWaiting(this.#paused.size === 0 && this.#helped.size === 0);
      const length = this.#messages.receive();
      if (length === -errnos.ENODEV) break;
      // ENOENT: the request was withdrawn before it could be read.
      const isMissing = length === -errnos.EINTR || length === -errnos.EAGAIN || length === -errnos.ENOENT;
      if (length < 0 && !isMissing) throw new Error(`reading requests: ${errnoName(-length)}`);
      if (!isMissing) this.#answer(length);
      if (this.#helped.size > 0) this.#takeBack();
      if (this.#paused.size > 0 && (isMissing || answered % MOST_BETWEEN_SLICES === 0)) this.#continueNext();
    }
    // Operations that are outstanding at this point are not the callers' fault.
    for (const { caller } of this.#files.values()) this.#close(caller.file);
    this.#presence.close();
    return this.#failed;
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
    const caller = this.#callerOf(new OpenFile());
    this.#files.set(number, { caller, waiting: new Set(), paused: undefined, later: [] });
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
      this.#presence.close();
      this.#files.delete(number);
      counters.add("files", -1);
      counters.add("sessions", -served.caller.file.sessionCount);
      const crash = this.#close(served.caller.file);
      if (crash !== undefined) this.#reportCrash(crash, 0);
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

  #wake(waiting: Set<number>): void {
    for (const kh of waiting) {
      const { end, at } = this.#messages.start(this.#bodies.wakeupOut);
      this.#messages.reply.setUint64(at.kh, kh);
      this.#messages.notify(FUSE_NOTIFY_POLL, end);
    }
    waiting.clear();
  }

  #ioctl(length: number): void {
    const { request, unique } = this.#messages;
    const served = this.#files.get(request.getUint64(this.#bodies.ioctlIn.at.fh));
    if (served === undefined) this.#messages.send(-errnos.EBADF);
    else if (served.paused !== undefined) served.later.push({ unique, bytes: request.bytes.slice(0, length) });
    else this.#run(served, length, () => this.#begin(served));
  }

  /** Begins a call, as soon as its memory can be accessed without waiting. */
  #begin(served: ServedFile): number | Parts {
    const { request, pid } = this.#messages;
    const { end, at } = this.#bodies.ioctlIn;
    const pointers = this.#isCompat ? this.#compatPointers : this.#pointers;
    const ranges = pointers.rangesOf(request.getUint32(at.cmd), request, end);
    return this.#presence.mayWait(pid, ranges) ? this.#afterFetch(served, ranges) : this.#answerCall(served);
  }

  *#afterFetch(served: ServedFile, fetch: readonly MemoryRange[]): Parts {
    yield { fetch };
    const call = this.#answerCall(served);
    return typeof call === "number" ? call : yield* call;
  }

  #answerCall({ caller }: ServedFile): number | Slices<number> {
    const { request } = this.#messages;
    const { cmd, arg } = this.#bodies.ioctlIn.at;
    this.#options.onCall();
    return this.#options.device.begin(request.getUint32(cmd), request.getUint64(arg), caller, this.#isCompat);
  }

  get #isCompat(): boolean {
    return (this.#messages.request.getUint32(this.#bodies.ioctlIn.at.flags) & FUSE_IOCTL_COMPAT) !== 0;
  }

  /** Continues the call that has been paused for the longest time. */
  #continueNext(): void {
    const [served] = this.#paused;
    const paused = served?.paused;
    if (served === undefined || paused === undefined) return;
    this.#continue(served, paused, undefined);
  }

  /** Continues the calls for which a helper has done its part, and passes others to helpers that are free. */
  #takeBack(): void {
    for (const served of [...this.#helped]) {
      const { paused } = served;
      if (paused === undefined) continue;
      if (paused.helper === undefined) this.#passOn(served, paused);
      if (paused.helper?.isDone !== true) continue;
      const result = paused.helper.finish();
      if (paused.helper.isCancelled) this.#drop(served, paused);
      else this.#continue(served, paused, result);
    }
  }

  /** Passes a call to a helper, or lets this thread continue it. Only memory is worth waiting for a helper. */
  #passOn(served: ServedFile, paused: PausedCall): void {
    const { helpers } = this.#options;
    const { task } = paused;
    let isHelped = false;
    if (task !== undefined) {
      paused.helper = helpers.find(task, this.#paused.size > 0);
      paused.helper?.start(paused, task);
      isHelped = paused.helper !== undefined || ("fetch" in task && helpers.areLeft);
    }
    this.#helped.delete(served);
    (isHelped ? this.#helped : this.#paused).add(served);
  }

  #continue(served: ServedFile, paused: PausedCall, result: BulkResult | undefined): void {
    this.#resume(served, paused);
    this.#run(served, paused.bytes.length, () => paused.work, result);
    this.#runLater(served);
  }

  /** Ends a call whose caller has been killed. */
  #drop(served: ServedFile, paused: PausedCall): void {
    this.#resume(served, paused);
    paused.work.return(0);
    this.#options.counters.add("calls", 1);
    this.#messages.send(-errnos.EINTR);
    this.#runLater(served);
  }

  /** Makes a call one that is not paused. The messages have its request again. */
  #resume(served: ServedFile, paused: PausedCall): void {
    this.#paused.delete(served);
    this.#helped.delete(served);
    served.paused = undefined;
    this.#messages.request.bytes.set(paused.bytes);
  }

  /** Runs the calls that waited for a long one, up to the next long one. */
  #runLater(served: ServedFile): void {
    while (served.paused === undefined) {
      const next = served.later.shift();
      if (next === undefined) break;
      this.#messages.request.bytes.set(next.bytes);
      this.#run(served, next.bytes.length, () => this.#begin(served));
    }
  }

  /**
   * Runs a call up to its end or its next pause. The messages have its request, of this length.
   *
   * @param result - what a helper has done, if the call continues after that
   */
  #run(served: ServedFile, length: number, begin: () => number | Parts, result?: BulkResult): void {
    const messages = this.#messages;
    const { request, reply, unique } = messages;
    const { file } = served.caller;
    const [sessions, ready] = [file.sessionCount, file.ready()];
    const { progress } = this.#options;
    progress.begin(unique, messages.pid);
    const call = this.#carryOut(request.bytes.subarray(this.#bodies.ioctlIn.end, length), begin, result);
    progress.end();
    const returned = this.#memory.leave();
    if (typeof call !== "number") {
      const { work, offer: task } = call;
      const bytes = request.bytes.slice(0, length);
      served.paused = { unique, caller: messages.pid, bytes, work, task, helper: undefined };
      this.#passOn(served, served.paused);
      return;
    }
    const { counters } = this.#options;
    counters.add("calls", 1);
    if (call < 0) counters.add("refused", 1);
    counters.add("sessions", file.sessionCount - sessions);
    const { end, at } = messages.start(this.#bodies.ioctlOut);
    reply.setUint32(at.result, call);
    reply.bytes.set(returned, end);
    messages.send(0, end + returned.length);
    if (served.waiting.size > 0 && file.ready() !== ready) this.#wake(served.waiting);
  }

  /** @returns what `ioctl(2)` returns, or a negative error number; if the call pauses, the rest of its work */
  #carryOut(argument: Uint8Array, begin: () => number | Parts, result: BulkResult | undefined): number | Rest {
    const { request, pid } = this.#messages;
    const { log } = this.#options;
    try {
      this.#memory.enter(pid, request.getUint64(this.#bodies.ioctlIn.at.arg), argument);
      const call = begin();
      if (typeof call === "number") return call;
      const { done, value } = call.next(result);
      return done ? value : { work: call, offer: value };
    } catch (error) {
      if (error instanceof KernelCrashError) return this.#reportCrash(error, pid);
      if (error instanceof UnreachableCallerError) {
        log(`cryptodev: the memory of thread ${pid} cannot be accessed, so its call is refused: ${error.message}`);
        return -errnos.EACCES;
      }
      if (isOutOfMemory(error)) return -errnos.ENOMEM;
      // An error of the server itself: the caller did not cause it, and other callers are not affected.
      log(`cryptodev: a call could not be answered: ${error instanceof Error ? error.stack : error}`);
      return -errnos.EIO;
    }
  }

  /**
   * A caller received a signal during its call. As in the driver, the call continues. But if the signal was SIGKILL,
   * nobody needs the result of a long call, and without a reply the kernel does not let the caller end.
   */
  #interrupt(): void {
    const interrupted = this.#messages.request.getUint64(this.#bodies.interruptIn.at.unique);
    for (const served of [...this.#paused, ...this.#helped]) {
      const { paused, later } = served;
      const waiting = later.findIndex(({ unique }) => unique === interrupted);
      if (paused === undefined || (waiting < 0 && paused.unique !== interrupted)) continue;
      this.#messages.request.bytes.set(waiting < 0 ? paused.bytes : (later[waiting] as Request).bytes);
      if (!isKilled(this.#messages.pid)) return;
      if (waiting >= 0) {
        this.#options.counters.add("calls", 1);
        this.#messages.send(-errnos.EINTR);
        later.splice(waiting, 1);
      } else if (paused.helper?.isProcessing) paused.helper.cancel();
      else {
        paused.helper?.abandon();
        this.#drop(served, paused);
      }
      return;
    }
  }

  #callerOf(file: OpenFile): Caller {
    return {
      file,
      memory: this.#memory,
      // A reply cannot add a descriptor to another process. The thread that can does not need one itself.
      duplicate: () =>
        this.#messages.pid !== 0 && this.#messages.pid === this.#options.cloner() ? 0 : -errnos.EOPNOTSUPP,
      close: () => {},
    };
  }

  /**
   * Logs a call that would crash a kernel, and applies the policy.
   *
   * @returns an error that no driver returns
   */
  #reportCrash(error: KernelCrashError, pid: number): number {
    const { onCrash, counters, log } = this.#options;
    counters.add("crashes", 1);
    log(
      `cryptodev: crash ${error.rule} by ${pid === 0 ? "the process that closed the file last" : `thread ${pid}`}: ${error.message}`,
    );
    if (onCrash === "kill" && pid !== 0) killThread(pid, { write: log });
    if (onCrash === "fail") this.#failed = true;
    return -errnos.ENOTRECOVERABLE;
  }
}
