/* Runs in a worker of any of the three runtimes: calls libc for a number of rounds, and reports every wrong errno. */
import { parentPort, workerData } from "node:worker_threads";
import { CIOCCRYPT, errnos } from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";

const loaders = {
  "Node.js": async () => (await import("@cryptodev/node")).nodeHost(),
  Deno: async () => (await import("@cryptodev/deno")).denoHost(),
  Bun: async () => (await import("@cryptodev/bun")).bunHost(),
};
const host = await loaders[workerData.runtime]();
const call = new Call(host, CIOCCRYPT);
const fd = host.open("/etc/passwd", 0);
let wrong = 0;
for (let round = 0; round < workerData.rounds; round += 1) {
  // Each thread provokes a different error, so that a shared errno is noticed.
  const [descriptor, expected] = workerData.odd ? [fd, errnos.ENOTTY] : [999, errnos.EBADF];
  if (host.ioctl(descriptor, call.request, call) !== -expected) wrong += 1;
}
host.close(fd);
parentPort.postMessage(wrong);
