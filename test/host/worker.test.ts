import { Worker } from "node:worker_threads";
import { CIOCCRYPT, errnos } from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";
import { expect, test } from "vitest";
import { realHost, runtimeName } from "../runtime.ts";

function start(odd: boolean): Promise<number> {
  const worker = new Worker(new URL("worker.mjs", import.meta.url), {
    workerData: { runtime: runtimeName, odd, rounds: 100_000 },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

test("each thread has its own host and its own errno", async () => {
  const host = await realHost();
  const call = new Call(host, CIOCCRYPT);
  const workers = [start(false), start(true), start(false), start(true)];
  let wrong = 0;
  for (let round = 0; round < 100; round += 1) {
    for (let index = 0; index < 500; index += 1) wrong += host.open("/nowhere", 0) === -errnos.ENOENT ? 0 : 1;
    wrong += host.ioctl(998, call.request, call) === -errnos.EBADF ? 0 : 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await Promise.all(workers)).toEqual([0, 0, 0, 0]);
  expect(wrong).toBe(0);
});
