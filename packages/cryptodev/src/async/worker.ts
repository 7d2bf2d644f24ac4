/*
 * Runs in a thread of its own, with one open device and its sessions. Jobs run in the order in which they arrive.
 */
import { appendFileSync, readlinkSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { ClosedError, type Device, type Host } from "@cryptodev/core";
import { SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { openIn } from "../open.ts";
import { hostOf } from "./hosts.ts";
import {
  type Answer,
  fromWire,
  held,
  introduce,
  type Job,
  type OperationJob,
  type Started,
  type StartJob,
  startKey,
  toFailure,
  toWire,
  type WorkerStart,
} from "./protocol.ts";

type Method = (...args: readonly unknown[]) => unknown;
type Methods = Record<string, Method>;
type Session = Methods & Parameters<typeof introduce>[0];

const port = parentPort as NonNullable<typeof parentPort>;
const { options, runtime, held: shared } = (workerData as Record<string, WorkerStart>)[startKey] as WorkerStart;
const sessions = new Map<number, Session>();

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

function start(device: Device, { session, method, name, key: given, options: others }: StartJob): Started {
  const key = given === undefined ? undefined : new Uint8Array(new ArrayBuffer(given.byteLength));
  key?.set(new Uint8Array(given as SharedArrayBuffer));
  try {
    const args = given === undefined ? [name] : [name, key, others];
    const started = (device as unknown as Methods)[method]?.(...args) as Session;
    const introduction = introduce(started as Session & { readonly name: string });
    sessions.set(session, started);
    return introduction;
  } finally {
    key?.fill(0);
  }
}

function operate({ session: id, method, args }: OperationJob): unknown {
  const session = sessions.get(id);
  if (session === undefined) throw new ClosedError("asynchronous session: it was closed");
  if (method === "close") sessions.delete(id);
  return session[method]?.(...args.map(fromWire));
}

function answer(id: number, compute: () => unknown): void {
  let message: Answer;
  try {
    message = { id, result: toWire(compute()) };
  } catch (error) {
    message = { id, failure: toFailure(error) };
  }
  const result = "result" in message ? message.result : undefined;
  port.postMessage(message, result instanceof ArrayBuffer ? [result] : []);
}

let device: Device | undefined;
answer(0, () => {
  const opener = {
    host: () => watched(hostOf(runtime)),
    software: (settings: SoftwareHostOptions) => new SoftwareHost(settings),
    append: appendFileSync,
    // The thread that started this one opened the device first, which emitted the warning.
    mayExist: () => false,
  };
  device = openIn(opener, options);
});

port.on("message", (job: Job & { readonly id: number }) => {
  if (job.kind === "operation" && Atomics.load(job.cancelled, 0) === 1) return;
  answer(job.id, () => {
    if (job.kind === "operation") return operate(job);
    if (job.kind === "start") return start(device as Device, job);
    return device?.close();
  });
});
