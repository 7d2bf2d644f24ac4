import { availableParallelism } from "node:os";
import { Event } from "../event.ts";
import { PollSet } from "../poll_set.ts";
import type { ServerHost } from "../syscalls.ts";
import { Helper, type SharedHelper, type Task } from "./helper.ts";

/**
 * An operation of at least this many bytes is always passed to a helper. Shorter ones only if the serving thread already
 * works on another one: two threads have to wake up for it, which takes about as long as 64 KiB of AES.
 */
const LONG = 2 ** 18;

/** What the serving thread needs for its helpers. */
export interface HelpersOptions {
  readonly host: ServerHost;
  /** The descriptor over which the protocol is spoken. */
  readonly fd: number;
  /** The descriptor of the event that a helper raises when it has done something. */
  readonly done: number;
  readonly shared: readonly SharedHelper[];
  /** Called if one more helper would have work. */
  readonly onMissing: () => void;
}

/** The helpers of a serving thread. They start when there is work for them. */
export class Helpers {
  readonly #helpers: readonly Helper[];
  readonly #set: PollSet;
  readonly #done: Event;
  readonly #onMissing: () => void;
  /** How many process data at the same time: one for each processor next to that of the serving thread. */
  readonly #mostProcessing = availableParallelism() - 1;
  /** How many were asked for. */
  #asked = 0;

  constructor({ host, fd, done, shared, onMissing }: HelpersOptions) {
    this.#helpers = shared.map((helper) => new Helper(host, helper));
    this.#set = new PollSet(host, [fd, done]);
    this.#done = new Event(host, done);
    this.#onMissing = onMissing;
  }

  /**
   * Finds a helper that is free.
   *
   * @param isBusy - whether the serving thread works on another operation
   * @returns `undefined` if there is none, or the serving thread is to process the data itself
   */
  find(task: Task, isBusy: boolean): Helper | undefined {
    if (!("fetch" in task)) {
      if (!isBusy && task.length < LONG) return undefined;
      const processing = this.#helpers.filter(({ isProcessing }) => isProcessing).length;
      if (processing >= this.#mostProcessing) return undefined;
    }
    const helper = this.#helpers.find(({ isFree }) => isFree);
    if (helper === undefined) this.#ask();
    return helper;
  }

  /** Whether there will be a helper that is free. */
  get areLeft(): boolean {
    return this.#helpers.some(({ isLost }) => !isLost);
  }

  /** Asks for another helper, unless the last one is still starting, or all have been asked for. */
  #ask(): void {
    const started = this.#helpers.filter(({ isStarted }) => isStarted).length;
    if (this.#asked > started || this.#asked === this.#helpers.length) return;
    this.#asked += 1;
    this.#onMissing();
  }

  /** Waits until there is a request, or a helper is done. */
  wait(): void {
    const [, isDone] = this.#set.wait();
    if (isDone) this.#done.clear();
  }
}
