/*
 * Runs in a thread of its own, with one open device and its sessions. Jobs run in the order in which they arrive.
 */
import { appendFileSync, readlinkSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { ClosedError, type Device, type Session } from "@cryptodev/core";
import { type Host, inWords } from "@cryptodev/core/host";
import { SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { openIn } from "../open.ts";
import { hostOf } from "./hosts.ts";
import {
  type Answer,
  answers,
  type CallJob,
  type CloseJob,
  callMethods,
  DEVICE,
  held,
  type Introduction,
  introduce,
  type Job,
  type Methods,
  type Outcome,
  operate,
  received,
  type StartJob,
  startKey,
  startMethods,
  toFailure,
  toWire,
  type WorkerStart,
} from "./protocol.ts";

/** The device, a session, or the chunks of a cipher. */
interface Kept {
  readonly methods: Methods;
  /** The session whose counts change with the object's calls. */
  readonly session: Session | undefined;
}

const port = parentPort as NonNullable<typeof parentPort>;
const { options, runtime, held: shared } = (workerData as Record<string, WorkerStart>)[startKey] as WorkerStart;
/** What jobs name by number. */
const objects = new Map<number, Kept>();

/** Publishes the open descriptor, so that the thread that outlives this one can close it. */
function watched(host: Host): Host {
  return {
    ...host,
    open(path, flags) {
      Atomics.store(shared, held.thread, threadNumber());
      const fd = host.open(path, flags);
      Atomics.store(shared, held.descriptor, fd);
      return fd;
    },
    close(fd) {
      // Before closing: afterwards the number may belong to another file.
      Atomics.store(shared, held.descriptor, -1);
      return host.close(fd);
    },
  };
}

interface Globals {
  readonly Deno?: {
    readonly permissions: { querySync(permission: { name: "read"; path: string }): { readonly state: string } };
  };
}

/** Returns the kernel's number of this thread, or -1 if it cannot be read. */
function threadNumber(): number {
  // Without this permission, Deno would stop and ask the user for it.
  const { Deno } = globalThis as unknown as Globals;
  if ((Deno?.permissions.querySync({ name: "read", path: "/proc" }).state ?? "granted") !== "granted") return -1;
  try {
    return Number(/\d+$/.exec(readlinkSync("/proc/thread-self"))?.[0] ?? -1);
  } catch {
    return -1;
  }
}

function find(number: number): Kept {
  const kept = objects.get(number);
  if (kept === undefined) throw new ClosedError("asynchronous session: it was closed");
  return kept;
}

/**
 * Calls a method.
 *
 * @param known - the methods that a job of this kind may name
 */
function invoke({ methods }: Kept, method: string, known: readonly string[], args: readonly unknown[]): unknown {
  if (!known.includes(method) || typeof methods[method] !== "function") {
    throw new TypeError(`job of a thread: expected a method of its object, got ${inWords(method)}`);
  }
  return received(args, (own) => operate(methods, method, own));
}

function start({ object, of, method, args }: StartJob): Introduction {
  const parent = find(of);
  const made = invoke(parent, method, startMethods, args) as Methods & Partial<Session>;
  const isSession = typeof made.close === "function";
  objects.set(object, { methods: made, session: isSession ? (made as unknown as Session) : parent.session });
  return introduce(made);
}

function call({ of, method, args }: CallJob): Outcome {
  const kept = find(of);
  const result =
    method === "answers"
      ? answers(kept.methods as unknown as Device, args[0])
      : invoke(kept, method, callMethods, args);
  const statistics = kept.session?.statistics;
  // A hash returns itself after each part of a message.
  return { result: result === kept.methods ? undefined : result, statistics };
}

/** Ends the message of a digest that was aborted, so that the next one does not continue it. */
function abandon({ of, method }: CallJob): void {
  if (method !== "digest") return;
  try {
    invoke(find(of), method, callMethods, []);
  } catch {
    // The session was lost with its message, which the next operation reports.
  }
}

function close({ of }: CloseJob): void {
  const kept = objects.get(of);
  objects.delete(of);
  if (kept === undefined || (of !== DEVICE && kept.session !== (kept.methods as unknown))) return;
  for (const [number, { session }] of objects) if (session === kept.session) objects.delete(number);
  kept.methods.close?.();
}

function run(job: Job): Outcome {
  switch (job.kind) {
    case "start":
      return { result: start(job), statistics: undefined };
    case "call":
      return call(job);
    case "close":
      return { result: close(job), statistics: undefined };
    default:
      throw new TypeError(`job of a thread: expected "start", "call" or "close", got ${inWords(job satisfies never)}`);
  }
}

function answer(id: number, compute: () => Outcome): void {
  const transfer: ArrayBuffer[] = [];
  let message: Answer;
  try {
    const { result, statistics } = compute();
    // With every member: one that is missing could come from Object.prototype.
    message = { id, result: toWire(result, transfer), statistics, failure: undefined };
  } catch (error) {
    message = { id, result: undefined, statistics: undefined, failure: toFailure(error) };
  }
  port.postMessage(message, transfer);
}

answer(0, () => {
  const opener = {
    host: () => watched(hostOf(runtime)),
    software: (settings: SoftwareHostOptions) => new SoftwareHost(settings),
    append: appendFileSync,
    // The thread that started this one opened the device first, which emitted the warning.
    mayExist: () => false,
  };
  const device = openIn(opener, options);
  objects.set(DEVICE, { methods: device as unknown as Methods, session: undefined });
  return { result: undefined, statistics: undefined };
});

port.on("message", (job: Job & { readonly id: number }) => {
  if (job.kind === "call" && job.cancelled !== undefined && Atomics.load(job.cancelled, 0) === 1) abandon(job);
  else answer(job.id, () => run(job));
});
