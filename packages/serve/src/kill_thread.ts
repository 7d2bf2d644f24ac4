import type { Log } from "./log.ts";

/** Kills the process of a thread, or logs why that is not possible: it may belong to another user. */
export function killThread(thread: number, log: Pick<Log, "write">): void {
  try {
    process.kill(thread, "SIGKILL");
  } catch (error) {
    log.write(`cryptodev: thread ${thread} cannot be killed: ${(error as NodeJS.ErrnoException).code}`);
  }
}
