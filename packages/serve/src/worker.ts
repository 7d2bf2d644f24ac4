/* The serving thread. It sleeps in read(2), so that the main thread stays free for signals and for the program. */
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { SoftwareDevice } from "@cryptodev/soft";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { Log } from "./log.ts";
import type { ThreadTask, WorkerMessage } from "./server.ts";
import { serverHost } from "./syscalls.ts";

const { fd, path, stop, counters: shared, onCrash, device: options, faults } = workerData as ThreadTask;
const port = parentPort as NonNullable<typeof parentPort>;
const tell = (message: WorkerMessage): void => port.postMessage(message);
const host = serverHost();
/** Lines that are logged regardless of `verbosity`, and that any program can cause. */
const reports = new Log(host, 2, 100);
/** Lines that `verbosity` asks for. */
const details = new Log(host, 2, 1000);
const counters = new Counters(shared);

const device = new SoftwareDevice({
  ...options,
  log: (line) => details.write(line),
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
  onCrash,
  log: (line) => reports.write(line),
  onReady: () => tell("ready"),
});
tell(connection.serve(() => Atomics.load(stop, 0) === 1) ? "crash" : "gone");
