import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** One participant: a process that performs rounds on request, and reports how long an operation took. */
export class Participant {
  readonly name: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  private constructor(name: string, command: readonly string[]) {
    const [file = "", ...args] = command;
    this.name = name;
    this.#process = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#interface = createInterface({ input: this.#process.stdout });
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** Starts a participant, and waits until it is ready. */
  static async start(name: string, command: readonly string[]): Promise<Participant> {
    const participant = new Participant(name, command);
    const { value } = await participant.#lines.next();
    if (value !== "ready") throw new Error(`${name} did not start: ${value}`);
    return participant;
  }

  /** Runs one round. @returns nanoseconds for one operation, or what else the case reports; NaN for an unknown case */
  async round(name: string, size: number, count: number): Promise<number> {
    this.#process.stdin.write(`${name} ${size} ${count}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.name} ended in ${name}`);
    return Number(value);
  }

  stop(): void {
    this.#process.stdin.end();
    this.#interface.close();
  }
}
