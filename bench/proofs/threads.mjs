/*
 * How much two threads are worth without any library: each message takes a copy of 64 KiB along to a thread, which
 * encrypts it with node:crypto and returns the result.
 */
import { createCipheriv } from "node:crypto";
import process from "node:process";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const SIZE = 65536;
/** Messages that are on their way at the same time. */
const AT_ONCE = 8;
const ROUND = 400;

if (isMainThread) await measure();
else {
  const cipher = createCipheriv("aes-128-cbc", new Uint8Array(16), new Uint8Array(16)).setAutoPadding(false);
  parentPort.on("message", (buffer) => {
    const { buffer: result } = cipher.update(new Uint8Array(buffer));
    parentPort.postMessage(result, [result]);
  });
}

async function measure() {
  const data = new Uint8Array(SIZE);
  const workers = [1, 2].map(() => new Worker(new URL(import.meta.url)));
  /** Encrypts `ROUND` messages on the first threads. @returns messages per second */
  const round = async (many) => {
    let [left, pending] = [ROUND, 0];
    const begin = performance.now();
    await new Promise((resolve) => {
      const post = (worker) => {
        const { buffer } = new Uint8Array(data);
        left -= 1;
        pending += 1;
        worker.postMessage(buffer, [buffer]);
      };
      for (const worker of workers.slice(0, many)) {
        worker.removeAllListeners("message");
        worker.on("message", () => {
          pending -= 1;
          if (left > 0) post(worker);
          else if (pending === 0) resolve();
        });
      }
      for (let index = 0; index < AT_ONCE; index += 1) post(workers[index % many]);
    });
    return (ROUND * 1000) / (performance.now() - begin);
  };
  const ratios = [];
  for (let turn = 0; turn < 30; turn += 1) {
    const [one, two] = [await round(1), await round(2)];
    if (turn >= 5) ratios.push(two / one);
  }
  ratios.sort((one, other) => one - other);
  console.log(`two threads reach ${ratios[ratios.length >> 1].toFixed(2)} times the throughput of one`);
  process.exit(0);
}
