/* One thread of a client: performs as many operations as requested, on a device and with a session of its own. */

import { parentPort, workerData } from "node:worker_threads";
import { Device } from "@cryptodev/core";
import { libcHost } from "@cryptodev/core/host";
import { dialect } from "#libc";

const port = parentPort as NonNullable<typeof parentPort>;
const { path, key } = workerData as { path: string; key: Uint8Array };
const session = Device.open(libcHost(dialect()), { path }).cipher("aes-128-cbc", key);
const iv = new Uint8Array(16);
let [source, destination] = [new Uint8Array(), new Uint8Array()];
port.on("message", ({ size, count }: { size: number; count: number }) => {
  if (source.length !== size) [source, destination] = [new Uint8Array(size), new Uint8Array(size)];
  for (let index = 0; index < count; index += 1) session.encryptInto(source, destination, iv);
  port.postMessage("done");
});
port.postMessage("ready");
