import { type BulkResult, processBulk } from "@cryptodev/soft";
import { ProcessMemory } from "../caller/process_memory.ts";
import { Event } from "../event.ts";
import { PollSet } from "../poll_set.ts";
import { Progress } from "../progress.ts";
import type { ServerHost } from "../syscalls.ts";
import { type Fetch, type HelpedCall, readMessage, type SharedHelper, states, type Task } from "./helper.ts";
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

/** How much memory is accessed before the thread checks whether it is still wanted. */
const PIECE = 2 ** 22;

/** Carries out one task after the other. This is the thread. */
export function help(host: ServerHost, { wake, done, helper }: HelperTask): void {
  const { state } = helper;
  const [started, finished] = [new Event(host, helper.start), new Event(host, done)];
  const mailbox = new Mailbox(helper.mailbox);
  const memory = new ProcessMemory(host);
  const progress = new Progress(helper.progress);
  progress.enter();

  function run({ unique, caller }: HelpedCall, task: Task): BulkResult {
    const begin = (): void => progress.begin(unique, caller);
    const end = (): void => {
      memory.leave();
      progress.end();
    };
    const isWanted = (): boolean => {
      end();
      begin();
      return Atomics.load(state, 0) === states.busy;
    };
    begin();
    try {
      memory.enter(caller, 0, nothing);
      return "fetch" in task ? accessAll(task, memory, isWanted) : processBulk(task, memory, isWanted);
    } catch {
      // The caller's memory cannot be accessed, which the serving thread finds out too.
      return { done: 0, iv: "cipher" in task ? task.cipher?.iv : undefined, digest: undefined };
    } finally {
      end();
    }
  }

  const set = new PollSet(host, [wake, started.fd]);
  Atomics.store(state, 0, states.free);
  finished.raise();
  for (;;) {
    const [isStopped, isStarted] = set.wait();
    if (isStopped) return;
    if (!isStarted) continue;
    started.clear();
    const { call, task } = readMessage(mailbox.take());
    const result = run(call, task);
    mailbox.put({ numbers: [result.done], pieces: [result.iv ?? nothing, result.digest ?? nothing] });
    Atomics.store(state, 0, states.done);
    finished.raise();
  }
}

/** Accesses memory until something is not readable. */
function accessAll({ fetch }: Fetch, memory: ProcessMemory, isWanted: () => boolean): BulkResult {
  for (const { address, length } of fetch) {
    for (let done = 0; done < length && isWanted(); done += PIECE) {
      if (!memory.isReadable(address + done, Math.min(PIECE, length - done))) break;
    }
  }
  return { done: 0, iv: undefined, digest: undefined };
}
