import { type Bulk, type BulkResult, processBulk } from "@cryptodev/soft";
import { ProcessMemory } from "../caller/process_memory.ts";
import { Event } from "../event.ts";
import { PollSet } from "../poll_set.ts";
import { Progress } from "../progress.ts";
import type { ServerHost } from "../syscalls.ts";
import { type BulkCall, readMessage, type SharedHelper, states } from "./helper.ts";
import { Mailbox } from "./mailbox.ts";

/** The parameters of the thread. */
export interface HelperTask {
  /** A descriptor that becomes readable when the thread is to end. */
  readonly wake: number;
  /** The descriptor of the event to raise when something is done. */
  readonly done: number;
  readonly helper: SharedHelper;
}

const nothing = new Uint8Array();

/** Processes the data of one long operation after the other. This is the thread. */
export function help(host: ServerHost, { wake, done, helper }: HelperTask): void {
  const { state } = helper;
  const [started, finished] = [new Event(host, helper.start), new Event(host, done)];
  const mailbox = new Mailbox(helper.mailbox);
  const memory = new ProcessMemory(host);
  const progress = new Progress(helper.progress);
  progress.enter();

  function process({ unique, caller }: BulkCall, bulk: Bulk): BulkResult {
    const begin = (): void => progress.begin(unique, caller);
    const end = (): void => {
      memory.leave();
      progress.end();
    };
    begin();
    try {
      memory.enter(caller, bulk.from, nothing);
      return processBulk(bulk, memory, () => {
        end();
        begin();
        return Atomics.load(state, 0) === states.busy;
      });
    } catch {
      // The caller's memory cannot be accessed, which the serving thread finds out too.
      return { done: 0, iv: bulk.cipher?.iv, digest: undefined };
    } finally {
      end();
    }
  }

  const set = new PollSet(host, [wake, started.fd]);
  Atomics.store(state, 0, states.free);
  for (;;) {
    const [isStopped, isStarted] = set.wait();
    if (isStopped) return;
    if (!isStarted) continue;
    started.clear();
    const { call, bulk } = readMessage(mailbox.take());
    const result = process(call, bulk);
    mailbox.put({ numbers: [result.done], pieces: [result.iv ?? nothing, result.digest ?? nothing] });
    Atomics.store(state, 0, states.done);
    finished.raise();
  }
}
