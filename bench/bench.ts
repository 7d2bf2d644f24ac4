import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { Participant } from "./participant.ts";

/** A runtime that takes part, and how a program is run in it. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
}

/** A server of ours, or another one. */
export type Serving = ChildProcessByStdio<null, Readable, null>;

/** Nanoseconds that a round should take, if nothing else is said. */
const DURATION = 1e7;

/** @returns the command, or nothing where it may not be used */
function permitted(...command: readonly string[]): readonly string[] {
  return spawnSync(command[0] as string, [...command.slice(1), "true"]).status === 0 ? command : [];
}

/** What all sections measure with. */
export class Bench {
  readonly runtimes: readonly Runtime[];
  /** The C program, compiled. */
  readonly program: string;
  /** A folder for what is needed meanwhile. */
  readonly work: string;
  readonly #rounds: number;
  /**
   * For those who never sleep in a call: nobody else gets their processor. It is the same for all, as another one may be
   * slower for a while.
   */
  readonly alone: readonly string[];
  /**
   * For those who wait for each other: all on one processor. On two, a round trip takes twice or thrice as long whenever
   * the other one has to be woken, which depends on everything else.
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

  /** The path of a program of ours, as it was built. */
  static file(name: string): string {
    return new URL(name, import.meta.url).pathname;
  }

  /** Starts the C program. @param prefix - how, such as {@link Bench.alone} */
  startC(prefix: readonly string[], ...args: readonly string[]): Promise<Participant> {
    return Participant.start("C", [...prefix, this.program, ...args]);
  }

  /** Starts ours in a runtime. */
  start(prefix: readonly string[], { name, command }: Runtime, ...args: readonly string[]): Promise<Participant> {
    return Participant.start(name, [...prefix, ...command, Bench.file("client.js"), ...args]);
  }

  /** Starts C, and then ours in all runtimes. */
  startAll(prefix: readonly string[], ...args: readonly string[]): Promise<Participant[]> {
    const ours = this.runtimes.map((runtime) => this.start(prefix, runtime, ...args));
    return Promise.all([this.startC(prefix, ...args), ...ours]);
  }

  /** Starts a server, and waits until it serves. @param program - its file and arguments */
  async serve(prefix: readonly string[], { command }: Runtime, ...program: readonly string[]): Promise<Serving> {
    const [file = "", ...args] = [...prefix, ...command, ...program];
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return child;
  }

  /** Starts a device that is served. */
  serveDevice(prefix: readonly string[], runtime: Runtime, path: string): Promise<Serving> {
    return this.serve(prefix, runtime, Bench.file("../../packages/cryptodev/dist/cli/main.js"), "serve", path);
  }

  /**
   * Rounds of one case, in turns.
   *
   * @param duration - nanoseconds that a round should take: the longer, the less it counts that others were there before
   * @returns for each participant, in their order, nanoseconds of each round
   */
  async interleave(
    participants: readonly Participant[],
    name: string | readonly string[],
    size: number,
    duration: number = DURATION,
  ): Promise<number[][]> {
    const nameOf = (index: number): string => (typeof name === "string" ? name : (name[index] as string));
    // Warm, and find out how many operations make a round.
    const counts: number[] = [];
    for (const [index, participant] of participants.entries()) {
      let one = await participant.round(nameOf(index), size, 100);
      for (let time = 0; time < 4; time += 1) {
        const many = Math.max(20, Math.min(1000, Math.ceil(duration / one / 100)) * 100);
        one = await participant.round(nameOf(index), size, many);
      }
      const count = duration / one;
      counts.push(Math.ceil(count / 10) * 10);
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

/** Ends a server. */
export async function stop(serving: Serving): Promise<void> {
  serving.kill("SIGTERM");
  if (serving.exitCode === null) await once(serving, "close");
}
