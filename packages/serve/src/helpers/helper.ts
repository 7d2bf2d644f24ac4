import type { Bulk, BulkResult, MemoryRange } from "@cryptodev/soft";
import { Event } from "../event.ts";
import type { ServerHost } from "../syscalls.ts";
import { Mailbox, type Message } from "./mailbox.ts";

/** What a helper does at the moment. */
export const states = { absent: 0, free: 1, busy: 2, cancelled: 3, done: 4, lost: 5 } as const;

/** Memory that may have to be waited for. A helper accesses it, so that it is present when the call is answered. */
export interface Fetch {
  readonly fetch: readonly MemoryRange[];
}

/** What a helper can do for a call. */
export type Task = Bulk | Fetch;

/** What the threads of a server share with a helper. */
export interface SharedHelper {
  /** One of {@link states}. */
  readonly state: Int32Array;
  readonly mailbox: SharedArrayBuffer;
  /** What it works on, for the watchdog. */
  readonly progress: Int32Array;
  /** The descriptor of the event that starts it. */
  readonly start: number;
}

/** The call that a helper works for. */
export interface HelpedCall {
  /** The number by which the kernel identifies the request. */
  readonly unique: number;
  /** The calling thread. */
  readonly caller: number;
}

const nothing = new Uint8Array();

/** The kinds of task in a message. */
const [ENCRYPT, DECRYPT, FETCH] = [0, 1, 2];

/** Writes down what a helper is to do. */
function messageOf({ unique, caller }: HelpedCall, task: Task): Message {
  if ("fetch" in task) {
    const ranges = task.fetch.flatMap(({ address, length }) => [address, length]);
    return { numbers: [unique, caller, FETCH, task.fetch.length, ...ranges], pieces: [] };
  }
  const { decrypt, from, to, length, cipher, mac } = task;
  return {
    numbers: [unique, caller, decrypt ? DECRYPT : ENCRYPT, from, to, length, cipher?.id ?? 0, mac?.id ?? 0],
    pieces: [cipher?.key ?? nothing, cipher?.iv ?? nothing, mac?.key ?? nothing],
  };
}

/** Reads what {@link messageOf} has written. */
export function readMessage({ numbers, pieces }: Message): { readonly call: HelpedCall; readonly task: Task } {
  const [unique = 0, caller = 0, kind, ...rest] = numbers;
  const call = { unique, caller };
  if (kind === FETCH) {
    const [count = 0, ...ranges] = rest;
    const fetch = Array.from({ length: count }, (_, index) => ({
      address: ranges[2 * index] as number,
      length: ranges[2 * index + 1] as number,
    }));
    return { call, task: { fetch } };
  }
  const [from = 0, to = 0, length = 0, cipher = 0, mac = 0] = rest;
  const [key = nothing, iv = nothing, macKey = nothing] = pieces;
  const task = {
    decrypt: kind === DECRYPT,
    from,
    to,
    length,
    cipher: cipher === 0 ? undefined : { id: cipher, key, iv },
    mac: mac === 0 ? undefined : { id: mac, key: macKey },
  };
  return { call, task };
}

/** A thread that processes data and fetches memory, as the serving thread sees it. */
export class Helper {
  readonly #state: Int32Array;
  readonly #mailbox: Mailbox;
  readonly #start: Event;
  #isCancelled = false;
  #isProcessing = false;
  #isAbandoned = false;

  constructor(host: ServerHost, { state, mailbox, start }: SharedHelper) {
    this.#state = state;
    this.#mailbox = new Mailbox(mailbox);
    this.#start = new Event(host, start);
  }

  get isStarted(): boolean {
    return Atomics.load(this.#state, 0) !== states.absent;
  }

  get isFree(): boolean {
    if (this.#isAbandoned && this.isDone) this.finish();
    return Atomics.load(this.#state, 0) === states.free;
  }

  /** Whether it processes data. */
  get isProcessing(): boolean {
    return this.#isProcessing;
  }

  /** Whether nothing releases it from a caller whose memory does not arrive. */
  get isLost(): boolean {
    return Atomics.load(this.#state, 0) === states.lost;
  }

  get isDone(): boolean {
    return Atomics.load(this.#state, 0) === states.done;
  }

  /** Whether the result is no longer needed. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  start(call: HelpedCall, task: Task): void {
    this.#isCancelled = false;
    this.#isProcessing = !("fetch" in task);
    this.#mailbox.put(messageOf(call, task));
    Atomics.store(this.#state, 0, states.busy);
    this.#start.raise();
  }

  /** Makes it end soon. Only then can the caller be released, because until then its memory is accessed. */
  cancel(): void {
    this.#isCancelled = true;
    cancel(this.#state);
  }

  /** Makes it end as soon as it can, for a caller that is released at once, because its memory is not written. */
  abandon(): void {
    this.#isAbandoned = true;
    cancel(this.#state);
  }

  /** Returns what it has done. It is free from then on. */
  finish(): BulkResult {
    const {
      numbers: [done = 0],
      pieces: [iv, digest],
    } = this.#mailbox.take();
    this.#isProcessing = false;
    this.#isAbandoned = false;
    Atomics.store(this.#state, 0, states.free);
    return { done, iv, digest };
  }
}

/** Makes a helper end what it works on. */
export function cancel(state: Int32Array): void {
  Atomics.compareExchange(state, 0, states.busy, states.cancelled);
}
