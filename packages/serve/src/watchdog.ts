import { readFileSync } from "node:fs";
import { errnos } from "@cryptodev/core/abi";
import { Argument } from "@cryptodev/core/host";
import { killThread } from "./kill_thread.ts";
import type { Log } from "./log.ts";
import type { CurrentRequest, Progress } from "./progress.ts";
import { ServeError } from "./serve_error.ts";
import type { ServerHost } from "./syscalls.ts";
import { fuse_out_header } from "./wire/fuse.ts";

/** How often the thread is looked at, in milliseconds. */
const INTERVAL = 250;

/**
 * For how many intervals it may be blocked by one caller: until that call fails, until the caller is killed, and until
 * the server gives up.
 */
const [PATIENCE, LAST_PATIENCE, NO_PATIENCE] = [4, 20, 40];

/** Whether a thread of this process is blocked in a system call, and does not compute. */
function isBlocked(thread: number): boolean {
  return !/^State:\s*R/m.test(readFileSync(`/proc/self/task/${thread}/status`, "latin1"));
}

/** What a {@link Watchdog} needs. */
export interface Watched {
  readonly host: ServerHost;
  /** The descriptor over which the protocol is spoken. */
  readonly fd: number;
  readonly progress: Progress;
  readonly log: Log;
}

/**
 * Releases a thread from callers whose memory does not arrive, such as a page that a userfaultfd of their own never
 * fills: a helper, which waits for such memory, or the serving thread, if that could not be foreseen. While the thread
 * waits for a page, no system call reaches it, but another thread can reply in its place: the caller then continues, and
 * can also be killed, which it could not before. The page's owner is usually the caller, so that its end releases the
 * thread. If not, nothing does.
 */
export class Watchdog {
  readonly #watched: Watched;
  readonly #timer: NodeJS.Timeout;
  #lose: (error: ServeError) => void = () => {};
  /** Rejects if the thread cannot be released. */
  readonly lost: Promise<never> = new Promise((_, reject) => {
    this.#lose = reject;
  });
  #last: CurrentRequest | undefined;
  #intervals = 0;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#timer = setInterval(() => this.#look(), INTERVAL);
    this.#timer.unref();
    this.lost.catch(() => {});
  }

  /** Whether the thread is blocked by a caller. */
  get isStuck(): boolean {
    return this.#intervals >= PATIENCE && this.#watched.progress.current()?.begun === this.#last?.begun;
  }

  /** Declares the thread lost. */
  giveUp(reason: string): void {
    this.#lose(new ServeError(`the server cannot continue: ${reason}`));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { progress, log } = this.#watched;
    const current = progress.current();
    const isSame = current !== undefined && current.begun === this.#last?.begun && isBlocked(progress.thread);
    this.#intervals = isSame ? this.#intervals + 1 : 0;
    this.#last = current;
    if (!isSame) return;
    if (this.#intervals === PATIENCE) {
      log.write(`cryptodev: the memory of thread ${current.caller} does not arrive, so its call fails with EFAULT`);
      this.#fail(current);
    } else if (this.#intervals === LAST_PATIENCE) {
      log.write(
        `cryptodev: thread ${current.caller} is killed, because its memory still blocks a thread of the server`,
      );
      killThread(current.caller, log);
    } else if (this.#intervals === NO_PATIENCE) {
      this.giveUp(`the memory of thread ${current.caller} does not arrive, and belongs to a process that still runs`);
    }
  }

  /** Replies to a request. If the thread does so too, the kernel ignores the second reply. */
  #fail({ unique }: CurrentRequest): void {
    const { host, fd } = this.#watched;
    const reply = new Argument(host, fuse_out_header);
    reply.setUint32(reply.offset.len, reply.bytes.length);
    reply.setUint32(reply.offset.error, -errnos.EFAULT);
    reply.setUint64(reply.offset.unique, unique);
    host.write(fd, reply.address, reply.bytes.length);
  }
}
