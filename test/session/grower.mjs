/* Runs in a worker of any of the three runtimes: grows shared memory step by step, as long as it can. */
import { parentPort, workerData } from "node:worker_threads";

/** 0: not begun, 1: growing, 2: asked to stop, 3: done. */
const state = new Int32Array(workerData);

parentPort.on("message", ({ memory, step }) => {
  Atomics.store(state, 0, 1);
  Atomics.notify(state, 0);
  const room = memory.maxByteLength - step;
  while (Atomics.load(state, 0) === 1 && memory.byteLength <= room) {
    memory.grow(memory.byteLength + step);
    // Some microseconds, so that the growth lasts for many operations.
    for (let spin = 0; spin < 200; spin += 1) Atomics.load(state, 0);
  }
  Atomics.store(state, 0, 3);
  Atomics.notify(state, 0);
});
parentPort.postMessage("ready");
