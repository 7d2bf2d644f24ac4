import type { Bulk, BulkResult } from "@cryptodev/soft";
import { Event } from "../event.ts";
import type { ServerHost } from "../syscalls.ts";
import { Mailbox, type Message } from "./mailbox.ts";

/** What a helper does at the moment. */
export const states = { absent: 0, free: 1, busy: 2, cancelled: 3, done: 4 } as const;

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

/** The call whose data is processed. */
export interface BulkCall {
  /** The number by which the kernel identifies the request. */
  readonly unique: number;
  /** The calling thread. */
  readonly caller: number;
}

const nothing = new Uint8Array();

/** Writes down what a helper is to do. */
function messageOf({ unique, caller }: BulkCall, { decrypt, from, to, length, cipher, mac }: Bulk): Message {
  return {
    numbers: [unique, caller, decrypt ? 1 : 0, from, to, length, cipher?.id ?? 0, mac?.id ?? 0],
    pieces: [cipher?.key ?? nothing, cipher?.iv ?? nothing, mac?.key ?? nothing],
  };
}

/** Reads what {@link messageOf} has written. */
export function readMessage({ numbers, pieces }: Message): { readonly call: BulkCall; readonly bulk: Bulk } {
  const [unique = 0, caller = 0, decrypt = 0, from = 0, to = 0, length = 0, cipher = 0, mac = 0] = numbers;
  const [key = nothing, iv = nothing, macKey = nothing] = pieces;
  return {
    call: { unique, caller },
    bulk: {
      decrypt: decrypt === 1,
      from,
      to,
      length,
      cipher: cipher === 0 ? undefined : { id: cipher, key, iv },
      mac: mac === 0 ? undefined : { id: mac, key: macKey },
    },
  };
}

/** A thread that processes the data of long operations, as the serving thread sees it. */
export class Helper {
  readonly #state: Int32Array;
  readonly #mailbox: Mailbox;
  readonly #start: Event;
  #isCancelled = false;

  constructor(host: ServerHost, { state, mailbox, start }: SharedHelper) {
    this.#state = state;
    this.#mailbox = new Mailbox(mailbox);
    this.#start = new Event(host, start);
  }

  get isStarted(): boolean {
    return Atomics.load(this.#state, 0) !== states.absent;
  }

  get isFree(): boolean {
    return Atomics.load(this.#state, 0) === states.free;
  }

  get isDone(): boolean {
    return Atomics.load(this.#state, 0) === states.done;
  }

  /** Whether the result is no longer needed. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  start(call: BulkCall, bulk: Bulk): void {
    this.#isCancelled = false;
    this.#mailbox.put(messageOf(call, bulk));
    Atomics.store(this.#state, 0, states.busy);
    this.#start.raise();
  }

  /** Makes it end soon. Only then can the caller be released, because until then its memory is accessed. */
  cancel(): void {
    this.#isCancelled = true;
    cancel(this.#state);
  }

  /** Returns what it has done. It is free from then on. */
  finish(): BulkResult {
    const {
      numbers: [done = 0],
      pieces: [iv, digest],
    } = this.#mailbox.take();
    Atomics.store(this.#state, 0, states.free);
    return { done, iv, digest };
  }
}

/** Makes a helper end what it works on. */
export function cancel(state: Int32Array): void {
  Atomics.compareExchange(state, 0, states.busy, states.cancelled);
}
