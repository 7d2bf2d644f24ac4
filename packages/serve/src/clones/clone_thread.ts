import { ServeError } from "../serve_error.ts";
import { SideThread } from "../side_thread.ts";
import type { ServerHost } from "../syscalls.ts";
import { DirectCalls } from "./direct_calls.ts";
import { installFilter } from "./filter.ts";

/** The parameters of the thread. */
export interface CloneTask {
  /** The served device, as {@link DirectCalls.deviceOf} identifies it. */
  readonly device: string;
  /** A descriptor that becomes readable when the thread is to end. */
  readonly wake: number;
  /** Where the thread stores its number. */
  readonly cloner: Int32Array;
  /** Where the main thread stores the descriptor of the listener; negative if there is none. */
  readonly listener: Int32Array;
}

/**
 * Starts the thread that answers CRIOGET of programs to which a filter applies, then installs the filter. The thread is
 * older than the filter, because it uses CRIOGET itself. After its end, CRIOGET fails with ENOSYS in these programs.
 *
 * @param file - a descriptor of the served file
 * @param worker - the module of the thread
 * @throws {ServeError} if this system cannot do that
 */
export async function startCloning(
  host: ServerHost,
  file: number,
  worker: URL,
  cloner: Int32Array,
): Promise<SideThread> {
  const calls = DirectCalls.on(host);
  const device = calls?.deviceOf(file);
  if (calls === undefined || device === undefined) {
    throw new ServeError(`CRIOGET fails with EOPNOTSUPP: it is not supported on ${process.arch}`);
  }
  const listener = new Int32Array(new SharedArrayBuffer(4));
  const handOver = (fd: number): void => {
    Atomics.store(listener, 0, fd);
    Atomics.notify(listener, 0);
  };
  const task = (wake: number): { readonly clones: CloneTask } => ({ clones: { device, wake, cloner, listener } });
  const thread = await SideThread.start(host, worker, task);
  try {
    handOver(installFilter(host, calls));
    return thread;
  } catch (error) {
    handOver(-1);
    await thread.stop();
    throw error;
  }
}
