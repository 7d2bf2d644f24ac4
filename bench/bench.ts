import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { Participant } from "./participant.ts";

/** A runtime to measure, and the command that runs a program in it. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
}

/** The process of a server, ours or another one. */
export type Serving = ChildProcessByStdio<null, Readable, null>;

/** How many nanoseconds a round takes by default. */
const DURATION = 1e7;
/** How many nanoseconds of operations precede the rounds. */
const WARM_UP = 5e8;

/** @returns the command, or an empty list if this user may not run it */
function permitted(...command: readonly string[]): readonly string[] {
  return spawnSync(command[0] as string, [...command.slice(1), "true"]).status === 0 ? command : [];
}

/** What all sections use to measure. */
export class Bench {
  readonly runtimes: readonly Runtime[];
  /** The path of the compiled C program. */
  readonly program: string;
  /** A temporary folder. */
  readonly work: string;
  readonly #rounds: number;
  /**
   * Prefix for participants that never sleep in a call: keeps their processor free of other programs. All use the same
   * processor, because another one may be slower for a while.
   */
  readonly alone: readonly string[];
  /**
   * Prefix for participants that wait for each other: runs them all on one processor. On two, a round trip takes two or
   * three times as long whenever the other one has to be woken, which depends on everything else on the machine.
   */
  readonly together: readonly string[];

  constructor(runtimes: readonly Runtime[], program: string, work: string, rounds: number) {
    this.runtimes = runtimes;
    this.program = program;
    this.work = work;
    this.#rounds = rounds;
    this.alone = permitted("taskset", "--cpu-list", "1", "chrt", "--rr", "10");
    this.together = permitted("taskset", "--cpu-list", "0", "chrt", "--rr", "10");
  }

  /** The path of one of our programs, as it was built. */
  static file(name: string): string {
    return new URL(name, import.meta.url).pathname;
  }

  /** Starts the C program. @param prefix - how to run it, such as {@link Bench.alone} */
  startC(prefix: readonly string[], ...args: readonly string[]): Promise<Participant> {
    return Participant.start("C", [...prefix, this.program, ...args]);
  }

  /** Starts our client in a runtime. */
  start(prefix: readonly string[], { name, command }: Runtime, ...args: readonly string[]): Promise<Participant> {
    return Participant.start(name, [...prefix, ...command, Bench.file("client.js"), ...args]);
  }

  /** Starts the C program, and our client in every runtime. */
  startAll(prefix: readonly string[], ...args: readonly string[]): Promise<Participant[]> {
    const ours = this.runtimes.map((runtime) => this.start(prefix, runtime, ...args));
    return Promise.all([this.startC(prefix, ...args), ...ours]);
  }

  /** Starts a server, and waits until it is ready. @param program - its file and arguments */
  async serve(prefix: readonly string[], { command }: Runtime, ...program: readonly string[]): Promise<Serving> {
    const [file = "", ...args] = [...prefix, ...command, ...program];
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return child;
  }

  /** Starts `cryptodev serve`. */
  serveDevice(prefix: readonly string[], runtime: Runtime, path: string): Promise<Serving> {
    return this.serve(prefix, runtime, Bench.file("../../packages/cryptodev/bin/cryptodev.mjs"), "serve", path);
  }

  /**
   * Measures rounds of one case, in turns.
   *
   * @param duration - how many nanoseconds a round should take: the longer, the less the caches of the previous participant matter
   * @returns for each participant, in their order, the nanoseconds per operation of each round
   */
  async interleave(
    participants: readonly Participant[],
    name: string | readonly string[],
    size: number,
    duration: number = DURATION,
  ): Promise<number[][]> {
    const nameOf = (index: number): string => (typeof name === "string" ? name : (name[index] as string));
    // Warms up, and finds out how many operations make a round. Compilers take long to compile code for good: they have to
    // wait for the program if both have one processor.
    const counts: number[] = [];
    for (const [index, participant] of participants.entries()) {
      let one = await participant.round(nameOf(index), size, 100);
      for (let spent = 0; spent < WARM_UP; ) {
        const many = Math.max(20, Math.min(1000, Math.ceil(duration / one / 100)) * 100);
        one = await participant.round(nameOf(index), size, many);
        spent += one * many;
      }
      counts.push(Math.ceil(duration / one / 10) * 10);
    }
    const results = participants.map((): number[] => []);
    for (let round = 0; round < this.#rounds; round += 1) {
      for (const [index, participant] of participants.entries()) {
        results[index]?.push(await participant.round(nameOf(index), size, counts[index] as number));
      }
    }
    return results;
  }
}

/** Stops a server. */
export async function stop(serving: Serving): Promise<void> {
  serving.kill("SIGTERM");
  if (serving.exitCode === null) await once(serving, "close");
}
