/*
 * Runs in a thread of its own: one open device, and the sessions that were started on it. Jobs are done in the order in
 * which they come.
 */
import { parentPort, workerData } from "node:worker_threads";
import { open } from "cryptodev";
import { type Answer, fromWire, type Job, toFailure, toWire, type WorkerOptions } from "./protocol.ts";

type Methods = Record<string, (...args: readonly unknown[]) => unknown>;

const port = parentPort as NonNullable<typeof parentPort>;
const sessions = new Map<number, Methods>();

function carryOut(device: Methods, { session, method, args, isStart }: Job): unknown {
  if (!isStart) return sessions.get(session)?.[method]?.(...args);
  try {
    const started = device[method]?.(...args) as Methods;
    sessions.set(session, started);
    return started.info?.();
  } finally {
    // Keys came as copies, and the kernel has them now.
    for (const arg of args) if (arg instanceof Uint8Array) arg.fill(0);
  }
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

let device: Methods | undefined;
answer(0, () => {
  const opened = open(workerData as WorkerOptions);
  device = opened as unknown as Methods;
  return { backend: opened.backend, path: opened.path };
});

port.on("message", (job: Job) => {
  if (Atomics.load(job.cancelled, 0) === 1) return;
  answer(job.id, () => {
    if (job.method === "close" && !job.isStart) {
      const session = sessions.get(job.session);
      sessions.delete(job.session);
      return session?.close?.();
    }
    return carryOut(device as Methods, { ...job, args: job.args.map(fromWire) });
  });
});
