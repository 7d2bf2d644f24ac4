/* The thread that serves. It sleeps in read(2), so that the other one is there for signals and for the program. */
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { SoftwareDevice } from "@cryptodev/soft";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { libcHost } from "./libc.ts";
import { Log } from "./log.ts";
import type { Task, WorkerMessage } from "./server.ts";

const { fd, path, stop, counters: shared, onHazard, device: options, faults } = workerData as Task;
const port = parentPort as NonNullable<typeof parentPort>;
const tell = (message: WorkerMessage): void => port.postMessage(message);
const host = await libcHost();
const standardError = new Log(host, 2);
const log = (line: string): void => standardError.write(line);
const counters = new Counters(shared);

const device = new SoftwareDevice({
  ...options,
  log,
  onUsage({ encrypted, decrypted }) {
    counters.add("encrypted", encrypted);
    counters.add("decrypted", decrypted);
  },
});
for (const { code, call } of faults) device.failNext(code, call);

const connection = new Connection({
  host,
  fd,
  device,
  counters,
  deviceName: basename(path),
  onHazard,
  log,
  onReady: () => tell("ready"),
});
tell(connection.serve(() => Atomics.load(stop, 0) === 1) ? "hazard" : "gone");
