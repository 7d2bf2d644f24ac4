import { errnos } from "@cryptodev/core/abi";
import type { KernelCrashError } from "@cryptodev/soft";
import type { Counters } from "./counters.ts";
import { killThread } from "./kill_thread.ts";

/** What a server does after a call that would crash a kernel. */
export type CrashPolicy = "refuse" | "kill" | "fail";

/** What is done about a call that would crash a kernel. */
export class Crashes {
  readonly #policy: CrashPolicy;
  readonly #counters: Counters;
  readonly #log: (line: string) => void;
  #areFatal = false;

  constructor(policy: CrashPolicy, counters: Counters, log: (line: string) => void) {
    this.#policy = policy;
    this.#counters = counters;
    this.#log = log;
  }

  /** Whether one was to end the server. */
  get areFatal(): boolean {
    return this.#areFatal;
  }

  /**
   * Logs a crash, and applies the policy.
   *
   * @param thread - the calling thread; 0 if the file was closed
   * @returns an error that no driver returns
   */
  report(crash: KernelCrashError, thread: number): number {
    this.#counters.add("crashes", 1);
    const caller = thread === 0 ? "the process that closed the file last" : `thread ${thread}`;
    this.#log(`cryptodev: crash ${crash.rule} by ${caller}: ${crash.message}`);
    if (this.#policy === "kill" && thread !== 0) killThread(thread, { write: this.#log });
    if (this.#policy === "fail") this.#areFatal = true;
    return -errnos.ENOTRECOVERABLE;
  }
}
