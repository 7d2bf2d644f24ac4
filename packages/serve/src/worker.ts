/*
 * The threads of a server. They sleep in system calls, so that the main thread stays free for signals and for the
 * program.
 */
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { SoftwareDevice, type Verbosity } from "@cryptodev/soft";
import type { CloneTask } from "./clones/clone_thread.ts";
import { Cloner } from "./clones/cloner.ts";
import { DirectCalls } from "./clones/direct_calls.ts";
import { Listener } from "./clones/listener.ts";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { type HelperTask, help } from "./helpers/helper_thread.ts";
import { Helpers } from "./helpers/helpers.ts";
import { Log } from "./log.ts";
import { answerParameters, type ParameterTask } from "./parameters/parameter_thread.ts";
import { Progress, threadNumber } from "./progress.ts";
import type { ThreadTask, WorkerMessage } from "./server.ts";
import { serverHost } from "./syscalls.ts";

const port = parentPort as NonNullable<typeof parentPort>;
const host = serverHost();

/** Answers the kernel's requests until the server ends. */
function serve({
  fd,
  path,
  stop,
  cloner,
  counters: shared,
  progress: sharedProgress,
  helpers: sharedHelpers,
  helped,
  values,
  onCrash,
  device: options,
  files,
  faults,
}: ThreadTask): void {
  const tell = (message: WorkerMessage): void => port.postMessage(message);
  /** Lines that are logged regardless of `verbosity`, and that any program can cause. */
  const reports = new Log(host, 2, 100);
  /** Lines that `verbosity` asks for. */
  const details = new Log(host, 2, 1000);
  const counters = new Counters(shared);
  const progress = new Progress(sharedProgress);
  progress.enter();

  const device = new SoftwareDevice({
    ...options,
    machine: host.machine,
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
    files,
    counters,
    progress,
    helpers: new Helpers({ host, fd, done: helped, shared: sharedHelpers, onMissing: () => tell("help") }),
    deviceName: basename(path),
    onCrash,
    cloner: () => Atomics.load(cloner, 0),
    onCall() {
      device.verbosity = Atomics.load(values, 0) as Verbosity;
      device.enableStats = Atomics.load(values, 1) === 1;
    },
    log: (line) => reports.write(line),
    onReady: () => tell("ready"),
  });
  tell(connection.serve(() => Atomics.load(stop, 0) === 1) ? "crash" : "gone");
}

/** Answers CRIOGET, as soon as the main thread has stored the descriptor of the listener, until the server ends. */
function clone({ device, wake, cloner, listener }: CloneTask): void {
  const calls = DirectCalls.on(host) as DirectCalls;
  Atomics.store(cloner, 0, threadNumber());
  port.postMessage("ready");
  Atomics.wait(listener, 0, 0);
  const fd = Atomics.load(listener, 0);
  if (fd > 0) new Cloner(host, calls, new Listener(host, fd, wake), device).run();
}

const task = workerData as
  | ThreadTask
  | { readonly clones: CloneTask }
  | { readonly help: HelperTask }
  | { readonly parameters: ParameterTask };
if ("clones" in task) clone(task.clones);
else if ("help" in task) {
  port.postMessage("ready");
  help(host, task.help);
} else if ("parameters" in task) {
  port.postMessage("ready");
  answerParameters(host, task.parameters);
} else serve(task);
