import { spawnSync } from "node:child_process";
import { Participant } from "./participant.ts";
import { type Summary, summarize } from "./statistics.ts";

/** A runtime that takes part, and how a program is run in it. */
export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
}

/** Nanoseconds that a round should take. */
const DURATION = 2e7;

/** What all sections measure with. */
export class Bench {
  readonly runtimes: readonly Runtime[];
  /** The C program, compiled. */
  readonly program: string;
  /** A folder for what is needed meanwhile. */
  readonly work: string;
  readonly #rounds: number;
  /** What runs a program so that nobody else gets its processor, where that is allowed. */
  readonly #first: readonly string[];

  constructor(runtimes: readonly Runtime[], program: string, work: string, rounds: number) {
    this.runtimes = runtimes;
    this.program = program;
    this.work = work;
    this.#rounds = rounds;
    const first = ["chrt", "--rr", "10"];
    this.#first = spawnSync(first[0] as string, [...first.slice(1), "true"]).status === 0 ? first : [];
  }

  /** The path of a program of ours, as it was built. */
  static file(name: string): string {
    return new URL(name, import.meta.url).pathname;
  }

  startC(path?: string): Promise<Participant> {
    return Participant.start("C", [this.program, ...(path === undefined ? [] : [path])]);
  }

  start({ name, command }: Runtime, path?: string): Promise<Participant> {
    return Participant.start(name, [...command, Bench.file("client.js"), ...(path === undefined ? [] : [path])]);
  }

  /** C, and then all runtimes. They never sleep in a call, so that nobody else needs their processor meanwhile. */
  startAlone(): Promise<Participant[]> {
    const file = Bench.file("client.js");
    return Promise.all([
      Participant.start("C", [...this.#first, this.program]),
      ...this.runtimes.map(({ name, command }) => Participant.start(name, [...this.#first, ...command, file])),
    ]);
  }

  /** C, and then all runtimes, on a device. */
  startAll(path: string): Promise<Participant[]> {
    return Promise.all([this.startC(path), ...this.runtimes.map((runtime) => this.start(runtime, path))]);
  }

  /** Rounds of one case, in turns. @returns for each participant, in their order */
  async interleave(
    participants: readonly Participant[],
    name: string | readonly string[],
    size: number,
  ): Promise<Summary[]> {
    const nameOf = (index: number): string => (typeof name === "string" ? name : (name[index] as string));
    // Warm, and find out how many operations make a round.
    const counts: number[] = [];
    for (const [index, participant] of participants.entries()) {
      const first = await participant.round(nameOf(index), size, 100);
      const many = Math.max(20, Math.min(200_000, Math.ceil(DURATION / first)));
      const second = await participant.round(nameOf(index), size, many);
      counts.push(Math.max(10, Math.ceil(DURATION / second)));
    }
    const results = participants.map((): number[] => []);
    for (let round = 0; round < this.#rounds; round += 1) {
      for (const [index, participant] of participants.entries()) {
        results[index]?.push(await participant.round(nameOf(index), size, counts[index] as number));
      }
    }
    return results.map(summarize);
  }

  /** The median of what a function measures, in as many rounds. */
  repeat(measure: () => number): Summary {
    return summarize(Array.from({ length: this.#rounds }, measure));
  }
}
