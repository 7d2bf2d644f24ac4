import { readFileSync } from "node:fs";
import { CIOCASYMFEAT, CRIOGET, errnos, requestNumber } from "@cryptodev/core/abi";
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
import type { Crashes } from "./crashes.ts";
import type { Helper, Task } from "./helpers/helper.ts";
import type { Helpers } from "./helpers/helpers.ts";
import type { Progress } from "./progress.ts";
import type { ServerHost } from "./syscalls.ts";
import {
  FUSE_IOCTL_COMPAT,
  FUSE_NOTIFY_POLL,
  fuse_ioctl_in,
  fuse_ioctl_out,
  fuse_notify_poll_wakeup_out,
} from "./wire/fuse.ts";
import type { Body, Messages } from "./wire/messages.ts";

/** What {@link Calls} work with. */
export interface CallsOptions {
  readonly host: ServerHost;
  readonly device: SoftwareDevice;
  readonly counters: Counters;
  readonly crashes: Crashes;
  /** Where this connection shows what it works on. */
  readonly progress: Progress;
  /** The threads that process the data of long operations, and wait for the memory of callers. */
  readonly helpers: Helpers;
  /** Returns the number of the server's own thread that clones descriptors; 0 if there is none. */
  readonly cloner: () => number;
  /** Called before each ioctl: parameters of the device can be changed while it runs. */
  readonly onCall: () => void;
  /** Called with each line for the log. */
  readonly log: (line: string) => void;
}

/** An open file, which the kernel refers to by a number. */
export interface ServedFile {
  readonly caller: Caller;
  /** The kernel's handles of callers that sleep until an event occurs. */
  readonly waiting: Set<number>;
  /** A long operation that has paused. */
  paused: PausedCall | undefined;
  /**
   * Further calls that use sessions, which wait until that has ended: the driver also runs those of one file one after the
   * other.
   */
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

/**
 * Answers the ioctls that a connection receives. Long ones pause, so that other requests can be answered, and helpers do
 * part of their work.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #messages: Messages;
  readonly #memory: ProcessMemory;
  readonly #presence: Presence;
  readonly #pointers: CallPointers;
  readonly #compatPointers: CallPointers;
  /** The files whose calls have paused, in the order in which they continue. */
  readonly #paused = new Set<ServedFile>();
  /** The files whose calls continue when a helper has done its part, or wait for a helper. */
  readonly #helped = new Set<ServedFile>();
  /** The numbers of the calls that do not use a session, and so do not wait for one that is busy. */
  readonly #immediate: ReadonlySet<number>;
  readonly #ioctlIn: Body<typeof fuse_ioctl_in>;
  readonly #ioctlOut: Body<typeof fuse_ioctl_out>;
  readonly #wakeupOut: Body<typeof fuse_notify_poll_wakeup_out>;
  /** The view of a call's argument that was needed last: most calls need the same. */
  #argument: Uint8Array = new Uint8Array();

  constructor(options: CallsOptions, messages: Messages) {
    this.#options = options;
    this.#messages = messages;
    const { machine } = options.host;
    const mappings = new Mappings();
    this.#memory = new ProcessMemory(options.host, mappings);
    this.#presence = new Presence(mappings, options.host.getpagesize());
    this.#pointers = new CallPointers(machine);
    this.#compatPointers = new CallPointers({ ...machine, pointerSize: 4 });
    this.#immediate = new Set([CRIOGET, CIOCASYMFEAT].map((ioctl) => requestNumber(ioctl, machine)));
    this.#ioctlIn = messages.requestBody(fuse_ioctl_in);
    this.#ioctlOut = messages.replyBody(fuse_ioctl_out);
    this.#wakeupOut = messages.replyBody(fuse_notify_poll_wakeup_out);
  }

  /** Whether no call has paused, so that there is nothing to do until the next request. */
  get areDone(): boolean {
    return this.#paused.size === 0 && this.#helped.size === 0;
  }

  /** Waits for a moment if only helpers can continue calls. */
  waitForHelpers(): void {
    if (this.#paused.size === 0 && this.#helped.size > 0) this.#options.helpers.wait();
  }

  /**
   * Continues what can be continued.
   *
   * @param isTurn - whether it is the turn of the calls that only this thread can continue
   */
  proceed(isTurn: boolean): void {
    if (this.#helped.size > 0) this.#takeBack();
    if (this.#paused.size > 0 && isTurn) this.#continueNext();
  }

  /** Lets go of the memory of all callers, some of which may have ended. The next calls look them up again. */
  forgetCallers(): void {
    this.#presence.close();
  }

  /** Returns the state of a file that has been opened. */
  open(): ServedFile {
    return { caller: this.#callerOf(new OpenFile()), waiting: new Set(), paused: undefined, later: [] };
  }

  /** Answers the call of the current request, of this length, or begins it if it is long. */
  accept(served: ServedFile, length: number): void {
    const { request, unique } = this.#messages;
    if (served.paused === undefined) this.#run(served, length, () => this.#begin(served));
    else if (this.#immediate.has(request.getUint32(this.#ioctlIn.at.cmd))) {
      // The kernel has copied its argument, so it does not wait for the caller's memory either.
      this.#run(served, length, () => this.#answerCall(served));
    } else served.later.push({ unique, bytes: request.bytes.slice(0, length) });
  }

  /** Begins a call, as soon as its memory can be accessed without waiting. */
  #begin(served: ServedFile): number | Parts {
    const { request, pid } = this.#messages;
    const { end, at } = this.#ioctlIn;
    const pointers = this.#isCompat() ? this.#compatPointers : this.#pointers;
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
    const { cmd, arg } = this.#ioctlIn.at;
    this.#options.onCall();
    return this.#options.device.begin(request.getUint32(cmd), request.getUint64(arg), caller, this.#isCompat());
  }

  #isCompat(): boolean {
    return (this.#messages.request.getUint32(this.#ioctlIn.at.flags) & FUSE_IOCTL_COMPAT) !== 0;
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
    const call = this.#carryOut(this.#argumentOf(length), begin, result);
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
    const { end, at } = messages.start(this.#ioctlOut);
    reply.setUint32(at.result, call);
    reply.bytes.set(returned, end);
    messages.send(0, end + returned.length);
    if (served.waiting.size > 0 && file.ready() !== ready) this.#wake(served.waiting);
  }

  /** Returns what the kernel has already read of the argument of the current call, whose request has this length. */
  #argumentOf(length: number): Uint8Array {
    const { end } = this.#ioctlIn;
    if (this.#argument.length !== length - end) this.#argument = this.#messages.request.bytes.subarray(end, length);
    return this.#argument;
  }

  /** @returns what `ioctl(2)` returns, or a negative error number; if the call pauses, the rest of its work */
  #carryOut(argument: Uint8Array, begin: () => number | Parts, result: BulkResult | undefined): number | Rest {
    const { request, pid } = this.#messages;
    const { log } = this.#options;
    try {
      this.#memory.enter(pid, request.getUint64(this.#ioctlIn.at.arg), argument);
      const call = begin();
      if (typeof call === "number") return call;
      const { done, value } = call.next(result);
      return done ? value : { work: call, offer: value };
    } catch (error) {
      if (error instanceof KernelCrashError) return this.#options.crashes.report(error, pid);
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
   * A caller received a signal during its call. As in the driver, the call continues. After SIGKILL its result is no
   * longer needed, but the kernel keeps the caller alive until there is a reply, so the server ends a long call early.
   *
   * @param interrupted - the number of the call's request
   */
  interrupt(interrupted: number): void {
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

  #wake(waiting: Set<number>): void {
    for (const kh of waiting) {
      const { end, at } = this.#messages.start(this.#wakeupOut);
      this.#messages.reply.setUint64(at.kh, kh);
      this.#messages.notify(FUSE_NOTIFY_POLL, end);
    }
    waiting.clear();
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
}
